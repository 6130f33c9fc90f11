import { figureLines, number } from '../../lib/figures.js';
import { logChart, pointsOf } from '../rounds/log-chart.js';
import { section, verdictSection } from '../rounds/report.js';
import type { Comparison } from './compare.js';
import { CLIENTS, rateOf, WAYS } from './load-measures.js';

/** The comparison as text: figures, memory, then the ratios with their goals. */
export function comparisonLines({ figures, verdicts, memoryMb, leftOut }: Comparison): string[] {
  const memory = Object.entries(memoryMb).map(([subject, kinds]) => {
    const parts = Object.entries(kinds).map(([kind, mb]) => `${kind} ${number(Math.round(mb))}`);
    return `${subject}: ${parts.join(', ')}`;
  });
  return [
    ...figureLines(figures),
    ...section('Largest memory of each process, MB', memory),
    ...verdictSection(verdicts),
    ...section('Left out', leftOut),
  ];
}

/** Jobs a second by clients, one line a way; undefined where clients were not varied. */
export const comparisonChart = ({ figures }: Comparison, machine: string): string | undefined =>
  logChart({
    title: 'Results a second, by clients',
    subtitle: machine,
    xLabel: 'clients',
    xs: CLIENTS,
    yLabel: 'results a second',
    lines: WAYS.map(({ name }) => ({
      name,
      points: pointsOf(figures, CLIENTS, (clients) => rateOf(name, clients)),
    })),
  });
