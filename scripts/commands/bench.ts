import { availableParallelism, cpus } from 'node:os';
import { join, relative } from 'node:path';
import { Argument, type Command, Option } from 'commander';
import { createLogger } from '../../shared/log/logger.js';
import { endingAll } from '../bench/ends.js';
import { benchCosts } from '../bench/costs/costs.js';
import { compare } from '../bench/compare/compare.js';
import { comparisonChart, comparisonLines } from '../bench/compare/report.js';
import { figureLines } from '../lib/figures.js';
import { benchGrowth, growthChart } from '../bench/growth/growth.js';
import { findingsLines, saveReport } from '../bench/rounds/report.js';
import { benchScaling, scalingChart } from '../bench/scaling/scaling.js';
import type { BenchHost as ServiceHost } from '../bench/service.js';
import type { CliSetUp } from '../up/start-all.js';
import { whole } from './numbers.js';
import { reportErrors } from './report-errors.js';

type BenchHost = ServiceHost & Pick<CliSetUp, 'tryPeers'>;

interface BenchOptions {
  rows: number;
  rounds: number;
  seconds: number;
  burst: number;
  peers: 'node' | 'all';
  only?: readonly string[] | undefined;
  json?: true | undefined;
}

/** The findings of a scenario: for a program, and for a reader. */
interface Report {
  document: object;
  lines: string[];
  /** SVG; undefined without figures to draw. */
  chart?: string | undefined;
}

interface Scenario {
  summary: string;
  run: (host: BenchHost, options: BenchOptions, machine: string) => Promise<Report>;
}

const onProgress = (text: string): void => console.error(text);

type ScenarioName = 'compare' | 'scaling' | 'growth' | 'costs';

/** Every scenario by name. */
const SCENARIOS: Readonly<Record<ScenarioName, Scenario>> = {
  compare: {
    summary: 'beside what one would write instead, and beside what limits it',
    async run(host, options, machine) {
      const python = await host.tryPeers(options.peers);
      const found = await compare(host, { ...options, python, onProgress });
      return { document: found, lines: comparisonLines(found), chart: comparisonChart(found, machine) };
    },
  },
  scaling: {
    summary:
      'jobs a second with more workers of a slow model, and with more processes on the cores that there are',
    async run(host, options, machine) {
      const found = await benchScaling(host, { ...options, onProgress });
      return { document: found, lines: findingsLines(found), chart: scalingChart(found.figures, machine) };
    },
  },
  growth: {
    summary:
      'time and memory by the rows of a batch; jobs beside one; submits by the depth of the queue, and by open dashboards',
    async run(host, options, machine) {
      const found = await benchGrowth(host, { ...options, onProgress });
      const chart = growthChart(found.figures, options.rows, machine);
      return { document: found, lines: findingsLines(found), chart };
    },
  },
  costs: {
    summary: 'CPU time of each process and what Redis keeps, for each job and row',
    async run(host, options) {
      const found = await benchCosts(host, options);
      return { document: found, lines: figureLines(found.figures) };
    },
  },
};

const count = whole(1, 999_999_999);

const HELP = `
Scenarios:
${Object.entries(SCENARIOS)
  .map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}`)
  .join('\n')}

Each starts what it measures on free ports, with data of its own, prints the median of its rounds and their spread, and
writes <scenario>.json, some also <scenario>.svg, into .artifacts/bench. Figures are worth something on an otherwise idle
machine only. "compare" says what it left out and where to get it. With --only nothing is started that is not measured.
"costs" keeps every process busy: one that spends 100 µs on a thing does 10,000 of them a second at the most. With --json
its "costs" are what "capacity" computes with.

Examples:
  $ npx waggle bench compare
  $ npx waggle bench compare --only "Waggle, wait, 64 clients" --only "BullMQ, poll, 64 clients" --rounds 3
  $ npx waggle bench compare --peers all --only "Waggle, wait" --only Celery --only BentoML --only LitServe
  $ npx waggle bench scaling --only "20 ms"
  $ npx waggle bench growth --rows 100000 --rounds 3
  $ npx waggle bench growth --only dashboards
  $ npx waggle bench costs --json | tail -1`;

/** `waggle bench`: measures on this machine. */
export function registerBenchCommand(program: Command, setUp: CliSetUp): void {
  program
    .command('bench')
    .description('Measures how fast this machine serves.')
    .addArgument(new Argument('<scenario>', 'what to measure; see below').choices(Object.keys(SCENARIOS)))
    .option('--rows <n>', 'rows of the largest batch of growth', count, 1_000_000)
    .option('--rounds <n>', 'how often each thing is measured', count, 5)
    .option('--seconds <n>', 'how long clients submit in each run of compare and scaling', count, 3)
    .option('--burst <n>', 'jobs of the burst in compare', count, 20_000)
    .addOption(
      new Option(
        '--peers <which>',
        'what compare measures beside Waggle: services of Node, or also those of Python',
      )
        .choices(['node', 'all'])
        .default('node'),
    )
    .option(
      '--only <text>',
      'of compare, scaling and growth only the measures whose name has this text, or that of another --only',
      (text: string, others: readonly string[] | undefined) => [...(others ?? []), text],
    )
    .option('--json', 'one JSON document as the last line of standard output')
    .addHelpText('after', HELP)
    .action((scenario: ScenarioName, options: BenchOptions) => {
      const log = createLogger('bench', { level: 'warn', dir: undefined, pretty: true });
      return reportErrors(options, () => endingAll(() => run({ ...setUp, log }, scenario, options)));
    });
}

async function run(host: BenchHost, name: ScenarioName, options: BenchOptions): Promise<void> {
  const machine = `${availableParallelism()} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}`;
  console.error(`${name} on ${machine}, ${options.rounds} rounds`);
  const { document: found, lines, chart } = await SCENARIOS[name].run(host, options, machine);
  const document = { scenario: name, machine, ...found };
  const saved = saveReport(join(host.root, '.artifacts/bench'), name, { document, chart });
  console.error(`written: ${saved.map((path) => relative(host.root, path)).join(', ')}\n`);
  console.log(options.json ? JSON.stringify(document) : lines.join('\n'));
}
