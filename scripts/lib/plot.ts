/** One axis of a plot: what it shows and the range that is drawn. */
export interface Axis {
  label: string;
  minimum: number;
  maximum: number;
  /** Where lines and numbers stand. */
  ticks: readonly number[];
  /** Text at a tick, of one line or two; the number itself unless given. */
  format?: (tick: number) => string;
}

/** A named colour in the legend. */
export interface LegendEntry {
  name: string;
  color: string;
}

/** The parts of a plot apart from its marks. */
export interface PlotFrame {
  title: string;
  subtitle: string;
  x: Axis;
  y: Axis;
  legend?: readonly LegendEntry[];
}

/** The colours of all plots, told apart by colour-blind readers too (Okabe and Ito, 2008). */
export const COLORS = { withoutTime: '#d55e00', withTime: '#0072b2', other: '#777777' } as const;

/** Colours for more lines than two, of the same palette. */
export const SERIES_COLORS = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#56b4e9',
  '#cc79a7',
  '#000000',
  '#d55e00',
  '#8b6914',
  '#777777',
] as const;

const WIDTH = 720;
const HEIGHT = 440;
const AREA = { left: 68, top: 84, right: WIDTH - 24, bottom: HEIGHT - 64 };

/** A plot under construction; positions are in the units of its axes. */
export class Plot {
  readonly #frame: PlotFrame;
  readonly #legend: LegendPlace[];
  readonly #top: number;
  readonly #marks: string[] = [];

  constructor(frame: PlotFrame) {
    this.#frame = frame;
    this.#legend = placeLegend(frame.legend ?? []);
    this.#top = AREA.top + ROW_HEIGHT * Math.max(0, ...this.#legend.map(({ row }) => row));
  }

  /** Pixels from the left of a value on the x axis. */
  x(value: number): number {
    const { minimum, maximum } = this.#frame.x;
    return AREA.left + ((value - minimum) / (maximum - minimum)) * (AREA.right - AREA.left);
  }

  /** Pixels from the top of a value on the y axis. */
  y(value: number): number {
    const { minimum, maximum } = this.#frame.y;
    return AREA.bottom - ((value - minimum) / (maximum - minimum)) * (AREA.bottom - this.#top);
  }

  /** A line through points, with a dot at each when `dots`. */
  line(points: readonly (readonly [number, number])[], color: string, dots = false): this {
    const path = points.map(([x, y]) => `${px(this.x(x))},${px(this.y(y))}`);
    this.#marks.push(
      `<polyline points="${path.join(' ')}" fill="none" stroke="${color}" stroke-width="2" stroke-linejoin="round"/>`,
    );
    if (dots) {
      const circles = points.map(([x, y]) => `<circle cx="${px(this.x(x))}" cy="${px(this.y(y))}" r="3.5"/>`);
      this.#marks.push(`<g fill="${color}" stroke="#ffffff">${circles.join('')}</g>`);
    }
    return this;
  }

  /** A dashed grey line between two points. */
  guide(from: readonly [number, number], to: readonly [number, number]): this {
    const [x1, y1, x2, y2] = [this.x(from[0]), this.y(from[1]), this.x(to[0]), this.y(to[1])].map(px);
    this.#marks.push(
      `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="${COLORS.other}" stroke-dasharray="5 4"/>`,
    );
    return this;
  }

  /** Filled boxes from one corner to the other, all of one colour. */
  boxes(corners: readonly (readonly [number, number, number, number])[], color: string): this {
    const path = corners.map(([x1, y1, x2, y2]) => {
      const [left, top] = [this.x(x1), this.y(y2)];
      return `M${px(left)} ${px(top)}H${px(this.x(x2))}V${px(this.y(y1))}H${px(left)}z`;
    });
    this.#marks.push(`<path d="${path.join('')}" fill="${color}"/>`);
    return this;
  }

  /** The whole picture. */
  toSvg(): string {
    const { title, subtitle, x, y } = this.#frame;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13" fill="#333333">`,
      `<title>${escape(title)}</title>`,
      `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
      `<text x="${AREA.left}" y="28" font-size="17" font-weight="600">${escape(title)}</text>`,
      `<text x="${AREA.left}" y="48" fill="#666666">${escape(subtitle)}</text>`,
      ...this.#legend.map(legendMark),
      ...this.#gridLines(),
      ...this.#marks,
      `<line x1="${AREA.left}" y1="${AREA.bottom}" x2="${AREA.right}" y2="${AREA.bottom}" stroke="#999999"/>`,
      `<text x="${(AREA.left + AREA.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">${escape(x.label)}</text>`,
      `<text transform="translate(20 ${(this.#top + AREA.bottom) / 2}) rotate(-90)" text-anchor="middle">${escape(y.label)}</text>`,
      '</svg>\n',
    ].join('\n');
  }

  #gridLines(): string[] {
    const { x, y } = this.#frame;
    const across = y.ticks.map((tick) => {
      const at = px(this.y(tick));
      return `<line x1="${AREA.left}" y1="${at}" x2="${AREA.right}" y2="${at}" stroke="#e8e8e8"/><text x="${AREA.left - 8}" y="${at}" dy="4" text-anchor="end">${escape(textAt(y, tick))}</text>`;
    });
    const below = x.ticks.flatMap((tick) =>
      textAt(x, tick)
        .split('\n')
        .map(
          (line, index) =>
            `<text x="${px(this.x(tick))}" y="${AREA.bottom + 18 + index * 15}" text-anchor="middle">${escape(line)}</text>`,
        ),
    );
    return [...across, ...below];
  }
}

interface LegendPlace extends LegendEntry {
  left: number;
  /** From 0: entries that do not fit beside the others go below them. */
  row: number;
}

const ROW_HEIGHT = 20;
const widthOf = ({ name }: LegendEntry): number => 46 + name.length * 7;

function placeLegend(legend: readonly LegendEntry[]): LegendPlace[] {
  let [left, row] = [AREA.left, 0];
  return legend.map((entry) => {
    if (left > AREA.left && left + widthOf(entry) > WIDTH) [left, row] = [AREA.left, row + 1];
    const place = { ...entry, left, row };
    left += widthOf(entry);
    return place;
  });
}

function legendMark({ name, color, left, row }: LegendPlace): string {
  const y = 60 + row * ROW_HEIGHT;
  return `<rect x="${left}" y="${y}" width="12" height="12" rx="2" fill="${color}"/><text x="${left + 18}" y="${y + 11}">${escape(name)}</text>`;
}

const textAt = (axis: Axis, tick: number): string => axis.format?.(tick) ?? String(tick);

const px = (value: number): string => String(Math.round(value * 10) / 10);

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Round numbers from 0, or from `minimum`, that reach past `maximum`, about `count` steps. */
export function roundTicks(maximum: number, count = 5, minimum = 0): number[] {
  const rough = (maximum - minimum) / count;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * magnitude).find((candidate) => candidate >= rough)!;
  const first = Math.floor(minimum / step);
  const last = Math.ceil(maximum / step);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toFixed(6)));
}
