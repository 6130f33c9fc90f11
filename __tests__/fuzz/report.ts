import type { CampaignReport, Finding } from './campaign.js';

/** Longest that a request is printed in full, in characters. */
const LONGEST = 4_000;
const MIB = 1024 * 1024;

/** A campaign for people: what was sent and answered, what was unexpected and how to meet it again. */
export function printReport(report: CampaignReport & { aftermath: string[] }): string {
  const { seed, requests, seconds, slowestMs, verdicts, findings, memory, aftermath } = report;
  return [
    `seed ${seed}: ${requests} requests in ${seconds} s, the slowest took ${slowestMs} ms`,
    `by the document: ${verdicts.valid} valid, ${verdicts.invalid} invalid, ${verdicts.undecided} undecided`,
    '',
    ...table(report.answers),
    '',
    'memory of the API after a garbage collection, in MiB:',
    ...memory.map(
      ({ requests: after, heapUsed, rss }) =>
        `${String(after).padStart(8)} requests  heap ${(heapUsed / MIB).toFixed(1)}  resident ${(rss / MIB).toFixed(1)}`,
    ),
    '',
    `unexpected: ${findings.length + aftermath.length}`,
    ...findings.flatMap(printFinding),
    ...aftermath.map((what) => `  afterwards: ${what}`),
  ].join('\n');
}

const printFinding = ({ message, times, seed, path, requests }: Finding): string[] => [
  '',
  `  ${message.slice(0, LONGEST)}`,
  `  met ${times} times; fast-check seed ${seed}, path ${path}; sent together, each as bytes:`,
  ...requests.map((bytes) => `    ${JSON.stringify(bytes).slice(0, LONGEST)}`),
];

function table(answers: CampaignReport['answers']): string[] {
  const statuses = [...new Set(Object.values(answers).flatMap((counts) => Object.keys(counts)))].toSorted();
  const rows = Object.entries(answers).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const line = (name: string, cells: (string | number)[]): string =>
    name.padEnd(18) + cells.map((cell) => String(cell).padStart(7)).join('');
  return [
    line('operation', ['all', ...statuses]),
    ...rows.map(([name, counts]) =>
      line(name, [
        Object.values(counts).reduce((sum, count) => sum + count, 0),
        ...statuses.map((status) => counts[status] ?? ''),
      ]),
    ),
  ];
}
