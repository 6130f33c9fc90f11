import { availableParallelism, cpus } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { benchBatch } from '../bench/batch.js';
import { type Figure, figureLines } from '../bench/figures.js';
import { benchDashboards } from '../bench/dashboards.js';
import { benchInference } from '../bench/inference.js';
import { benchLatency } from '../bench/latency.js';
import type { BenchHost } from '../bench/service.js';
import { reportErrors } from './report-errors.js';

interface BenchOptions {
  rows: number;
  rounds: number;
  model: string;
  json?: true;
}

/** Every scenario by name: what it measures, and how it is run. */
const SCENARIOS: Readonly<
  Record<string, { summary: string; run: (host: BenchHost, options: BenchOptions) => Promise<Figure[]> }>
> = {
  batch: { summary: 'rows a second from first byte sent to last result byte read; memory', run: benchBatch },
  latency: { summary: 'one job at a time from submission to result, idle machine', run: benchLatency },
  dashboards: {
    summary: 'submits at 500 jobs a second, with no and with 50 dashboards open',
    run: benchDashboards,
  },
  inference: { summary: 'rows a second through the inference process and without it', run: benchInference },
};

const HELP = `
Scenarios:
${Object.entries(SCENARIOS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

Each starts what it measures on free ports, with data of its own, and prints the median of its rounds and their
spread. Figures are worth something on an otherwise idle machine only.

Examples:
  $ npx waggle bench batch --rows 1000000
  $ npx waggle bench latency --json | tail -1`;

/** `waggle bench`: measures on this machine. */
export function registerBenchCommand(program: Command, host: BenchHost): void {
  program
    .command('bench <scenario>')
    .description('Measures how fast this machine serves.')
    .option('--rows <n>', 'rows of the batch scenario', wholeNumber, 1_000_000)
    .option('--rounds <n>', 'how often each thing is measured', wholeNumber, 5)
    .option('--model <name>', 'model of the inference scenario', 'trip-duration')
    .option('--json', 'one JSON document as the last line of standard output')
    .addHelpText('after', HELP)
    .action((scenario: string, options: BenchOptions) =>
      reportErrors(options, () => run(host, scenario, options)),
    );
}

async function run(host: BenchHost, name: string, options: BenchOptions): Promise<void> {
  const scenario = Object.hasOwn(SCENARIOS, name) ? SCENARIOS[name] : undefined;
  if (!scenario) {
    throw new InvalidArgumentError(
      `there is no scenario "${name}": it is one of ${Object.keys(SCENARIOS).join(', ')}`,
    );
  }
  const machine = `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.error(`${name} on ${machine}, ${options.rounds} rounds`);
  const figures = await scenario.run(host, options);
  console.error('');
  if (options.json) console.log(JSON.stringify({ scenario: name, machine, figures }));
  else console.log(figureLines(figures).join('\n'));
}

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number, 1 or more.');
}
