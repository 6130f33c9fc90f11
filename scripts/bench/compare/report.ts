import { type Figure, figureLines, median, number } from '../../lib/figures.js';
import { logChart, pointsOf } from '../rounds/log-chart.js';
import { section, verdictSection } from '../rounds/report.js';
import type { Comparison } from './compare.js';
import { CLIENTS, P50, rateOf, REQUESTS, SUM, WAYS } from './load-measures.js';

/** The comparison as text: figures, memory, then the goals and what was found for them. */
export function comparisonLines({ figures, verdicts, memoryMb, leftOut }: Comparison): string[] {
  const memory = Object.entries(memoryMb).map(([subject, kinds]) => {
    const parts = Object.entries(kinds).map(([kind, mb]) => `${kind} ${number(Math.round(mb))}`);
    return `${subject}: ${parts.join(', ')}`;
  });
  return [
    ...figureLines(figures.filter(({ name }) => !name.includes(': '))),
    ...section(
      'What a job costs: CPU time of each process in µs, requests, and the median time',
      costLines(figures),
    ),
    ...section('Largest memory of each process, MB', memory),
    ...verdictSection(verdicts),
    ...section('Left out', leftOut),
  ];
}

/** One line for each way and number of clients of which the cost is known. */
function costLines(figures: readonly Figure[]): string[] {
  const costs = new Map<string, Map<string, number>>();
  for (const { name, rounds } of figures) {
    const [rate = '', what] = name.split(': ');
    if (what === undefined) continue;
    const cost = costs.get(rate) ?? new Map<string, number>();
    costs.set(rate, cost.set(what, median(rounds)));
  }
  const width = Math.max(0, ...[...costs.keys()].map(({ length }) => length));
  return [...costs].map(([rate, cost]) => {
    const cpu = [...cost].filter(([what]) => what !== REQUESTS && what !== P50 && what !== SUM);
    const parts = cpu.map(([kind, us]) => `${kind} ${Math.round(us)}`).join(', ');
    const of = (what: string): number => cost.get(what) ?? Number.NaN;
    return `${rate.padEnd(width)}  ${String(Math.round(of(SUM))).padStart(6)} µs (${parts}); ${of(REQUESTS).toFixed(2)} requests; ${number(of(P50))} ms`;
  });
}

/** Jobs a second by clients, one line a way; undefined where clients were not varied. */
export const comparisonChart = ({ figures }: Comparison, machine: string): string | undefined =>
  logChart({
    title: 'Results a second, by clients',
    subtitle: machine,
    xLabel: 'clients',
    xs: CLIENTS,
    yLabel: 'results a second',
    lines: WAYS.filter(({ clients }) => clients.includes(1)).map(({ name }) => ({
      name,
      points: pointsOf(figures, CLIENTS, (clients) => rateOf(name, clients)),
    })),
  });
