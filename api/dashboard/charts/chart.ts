import uPlot from '../uPlot.js';
import { byId, h, setText } from '../dom.js';
import type { Axis } from './axis.js';

/** One curve. Its colour is that of the style sheet's class of this name. */
export interface Line {
  label: string;
  colour: string;
  /** Filled down to zero. */
  isArea?: true;
  /** Stays until the next value, instead of leading there. */
  isStepped?: true;
}

export interface ChartOptions {
  lines: readonly Line[];
  /** A value, as the legend writes it. */
  format: (value: number) => string;
  axis: Axis;
}

/** Seconds since 1970, then the values of each line; null where there is none. */
export type ChartData = [times: number[], ...lines: (number | null)[][]];

const HEIGHT = 168;

/** Distances that ticks of the time axis may have, in s. */
const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360].map((minutes) => minutes * 60);

/** A chart in the element `chart-<name>`, with a legend that reads the values at the pointer, or the latest. */
export class Chart {
  readonly #box: HTMLDivElement;
  readonly #values: HTMLElement[];
  readonly #swatches: HTMLElement[];
  readonly #plot: uPlot;
  readonly #options: ChartOptions;

  constructor(name: string, options: ChartOptions) {
    this.#options = options;
    this.#box = byId(`chart-${name}`, HTMLDivElement);
    this.#values = options.lines.map(() => h('span', { class: 'value' }));
    this.#swatches = options.lines.map(({ colour }) => h('span', { class: `swatch ${colour}` }));
    const entries = options.lines.map(({ label }, i) =>
      h('li', {}, this.#swatches[i], `${label} `, this.#values[i]),
    );
    const canvas = h('div', { class: 'plot', role: 'img', tabindex: 0 });
    this.#box.append(h('ul', { class: 'legend' }, ...entries), canvas);
    this.#plot = new uPlot(this.#layout(canvas), [[], ...options.lines.map(() => [])], canvas);
    canvas.addEventListener('keydown', (event) => this.#moveCursor(event));
    canvas.addEventListener('blur', () => this.#plot.setCursor({ left: -10, top: -10 }));
    new ResizeObserver(() => {
      const width = canvas.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    }).observe(canvas);
  }

  show(data: ChartData): void {
    this.#plot.setData(data);
    this.#showValues();
  }

  /** The colours of the page have changed. */
  recolour(): void {
    this.#plot.redraw(false, true);
  }

  #layout(canvas: HTMLElement): uPlot.Options {
    const ink = (): string => getComputedStyle(canvas).color;
    const grid = { stroke: () => getComputedStyle(canvas).borderTopColor, width: 1 };
    const { axis } = this.#options;
    const font = `11px ${getComputedStyle(document.body).fontFamily}`;
    return {
      width: Math.max(canvas.clientWidth, 200),
      height: HEIGHT,
      legend: { show: false },
      padding: [8, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: { x: { time: true }, y: { range: (_, __, max) => [0, niceTop(max)] } },
      axes: [
        {
          stroke: ink,
          font,
          grid: { show: false },
          ticks: { show: false },
          size: 28,
          gap: 7,
          incrs: TIME_STEPS_S,
          values: clockTicks,
        },
        {
          stroke: ink,
          font,
          grid,
          ticks: { show: false },
          size: (_, values) => 14 + 6.4 * Math.max(2, ...(values ?? []).map((text) => text.length)),
          space: 34,
          incrs: axis.steps,
          values: (_, splits) => axis.labels(splits),
        },
      ],
      series: [{}, ...this.#options.lines.map((line, i) => this.#series(line, i))],
      hooks: { setCursor: [() => this.#showValues()] },
    };
  }

  #series({ isArea, isStepped }: Line, index: number): uPlot.Series {
    const colour = (): string => {
      const swatch = this.#swatches[index];
      return swatch ? getComputedStyle(swatch).backgroundColor : '';
    };
    const stepped = isStepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
    return {
      stroke: colour,
      width: 1.75,
      points: { show: true, size: 5, fill: colour, stroke: colour, filter: lonePoints },
      ...(isArea ? { fill: () => translucent(colour()) } : {}),
      ...(stepped ? { paths: stepped } : {}),
    };
  }

  #showValues(): void {
    const { data, cursor } = this.#plot;
    const times = data[0];
    const index = cursor.idx ?? times.length - 1;
    const texts = this.#options.lines.map((_, i) => {
      const value = data[i + 1]?.[index];
      return value === null || value === undefined ? '–' : this.#options.format(value);
    });
    texts.forEach((text, i) => {
      const element = this.#values[i];
      if (element) setText(element, text);
    });
    const title = this.#box.getAttribute('aria-label') ?? '';
    const said = this.#options.lines.map(({ label }, i) => `${label} ${texts[i]}`).join(', ');
    const time = times[index];
    const at = time === undefined ? '' : ` at ${new Date(time * 1000).toLocaleTimeString('en-GB')}`;
    this.#box.querySelector('.plot')?.setAttribute('aria-label', `${title}${at}: ${said}`);
  }

  #moveCursor(event: KeyboardEvent): void {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const times = this.#plot.data[0];
    const last = times.length - 1;
    const index = Math.min(last, Math.max(0, (this.#plot.cursor.idx ?? last + (step < 0 ? 1 : 0)) + step));
    const time = times[index];
    if (time !== undefined) this.#plot.setCursor({ left: this.#plot.valToPos(time, 'x'), top: 0 });
  }
}

/** A value between two holes makes no line: it is shown as a point. */
const lonePoints: uPlot.Series.Points.Filter = ({ data }, series) => {
  const values = data[series] ?? [];
  const isHole = (index: number): boolean => (values[index] ?? null) === null;
  return [...values.keys()].filter((i) => !isHole(i) && isHole(i - 1) && isHole(i + 1));
};

const niceTop = (max: number | null): number => (max === null || max <= 0 ? 1 : max * 1.12);

const translucent = (colour: string): string => colour.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.14)');

/** Ticks of the time axis: hours and minutes. (Seconds are too wide for the margin, and would be cut off there.) */
const clockTicks = (_: uPlot, splits: number[]): string[] =>
  splits.map((time) => new Date(time * 1000).toTimeString().slice(0, 5));
