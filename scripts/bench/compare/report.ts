import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, figureLines, median, number } from '../figures.js';
import { Plot, SERIES_COLORS } from '../../trips/charts/plot.js';
import type { Comparison, Verdict } from './compare.js';
import { CLIENTS, rateOf, WAYS } from './load-measures.js';

/** The comparison as text: figures, memory, then the ratios with what they should be. */
export function comparisonLines({ figures, verdicts, memoryMb, leftOut }: Comparison): string[] {
  const memory = Object.entries(memoryMb).map(([subject, kinds]) => {
    const parts = Object.entries(kinds).map(([kind, mb]) => `${kind} ${number(Math.round(mb))}`);
    return `${subject}: ${parts.join(', ')}`;
  });
  return [
    ...figureLines(figures),
    ...section('Largest memory of each process, MB', memory),
    ...section(
      'Ratios: median of the rounds (lowest to highest), and what is wanted',
      verdicts.map(verdictLine),
    ),
    ...section('Left out', leftOut),
  ];
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];

function verdictLine({ name, ratio, ratios, goal, isMet }: Verdict): string {
  const wanted = 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
  const spread = `(${number(Math.min(...ratios))} to ${number(Math.max(...ratios))})`;
  return `${isMet ? 'yes' : 'NO '}  ${name.padEnd(58)}${number(ratio).padStart(7)}  ${spread.padEnd(19)}${wanted}`;
}

/** Writes `compare.json` and, where clients were varied, `compare.svg` into a folder. Returns their paths. */
export function saveComparison(folder: string, document: Comparison & { machine: string }): string[] {
  mkdirSync(folder, { recursive: true });
  const json = join(folder, 'compare.json');
  writeFileSync(json, `${JSON.stringify(document, null, 2)}\n`);
  const chart = chartOf(document.figures, document.machine);
  if (chart === undefined) return [json];
  const svg = join(folder, 'compare.svg');
  writeFileSync(svg, chart);
  return [json, svg];
}

/** Jobs a second by clients, one line a way; both axes are logarithmic. */
function chartOf(figures: readonly Figure[], machine: string): string | undefined {
  const lines = WAYS.map(({ name }, index) => ({
    name,
    color: SERIES_COLORS[index] ?? '#777777',
    points: CLIENTS.flatMap((clients): (readonly [number, number])[] => {
      const figure = figures.find((one) => one.name === rateOf(name, clients));
      return figure ? [[Math.log2(clients), Math.log10(median(figure.rounds))]] : [];
    }),
  })).filter(({ points }) => points.length > 0);
  if (lines.length === 0) return undefined;
  const values = lines.flatMap(({ points }) => points.map(([, y]) => y));
  const [least, most] = [Math.floor(Math.min(...values)), Math.ceil(Math.max(...values))];
  const plot = new Plot({
    title: 'Results a second, by clients',
    subtitle: machine,
    x: {
      label: 'clients',
      minimum: Math.log2(CLIENTS[0]) - 0.2,
      maximum: Math.log2(CLIENTS[CLIENTS.length - 1] ?? 1) + 0.2,
      ticks: CLIENTS.map(Math.log2),
      format: (tick) => String(2 ** tick),
    },
    y: {
      label: 'results a second',
      minimum: least,
      maximum: most,
      ticks: Array.from({ length: most - least + 1 }, (_, index) => least + index),
      format: (tick) => number(10 ** tick),
    },
    legend: lines,
  });
  for (const { points, color } of lines) plot.line(points, color, true);
  return plot.toSvg();
}
