import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, figureLines, number } from '../../lib/figures.js';
import { spread, type Verdict } from './verdicts.js';

/** Findings of rounds, and notes for their reader. */
export interface Findings {
  figures: Figure[];
  verdicts: Verdict[];
  notes: string[];
}

/** Findings as text: figures, then the goals and what was found for them, then notes. */
export const findingsLines = ({ figures, verdicts, notes }: Findings): string[] => [
  ...figureLines(figures),
  ...verdictSection(verdicts),
  ...section('Notes', notes),
];

/** Lines below a title; nothing where there are none. */
export const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  ${line}`)];

/** One line a goal. */
export const verdictSection = (verdicts: readonly Verdict[]): string[] =>
  section('Goals: median of the rounds (lowest to highest), and what is wanted', verdicts.map(verdictLine));

function verdictLine({ name, value, values, goal, isMet }: Verdict): string {
  const wanted = 'atLeast' in goal ? `at least ${goal.atLeast}` : `at most ${goal.atMost}`;
  return `${isMet ? 'yes' : 'NO '}  ${name.padEnd(58)}${number(value).padStart(7)}  ${spread(values).padEnd(19)}${wanted}`;
}

/** Writes `<name>.json` and, where there is a chart, `<name>.svg` into a folder. Returns their paths. */
export function saveReport(
  folder: string,
  name: string,
  { document, chart }: { document: Record<string, unknown>; chart?: string | undefined },
): string[] {
  mkdirSync(folder, { recursive: true });
  const json = join(folder, `${name}.json`);
  writeFileSync(json, `${JSON.stringify(document, null, 2)}\n`);
  if (chart === undefined) return [json];
  const svg = join(folder, `${name}.svg`);
  writeFileSync(svg, chart);
  return [json, svg];
}
