import { Command, Option } from 'commander';
import { whole } from '../../scripts/commands/numbers.js';
import { type FaultKind, type FaultSetup, IN_CLUSTER, ONE_REDIS, WITH_SENTINELS } from './fault-kinds.js';
import type { Tally } from './round.js';
import { type FaultReport, type RoundReport, runFaults } from './run-faults.js';
import { type FaultHost, say } from './stack.js';

const namesOf = ({ kinds }: FaultSetup): string => kinds.map(({ name }) => `  ${name}`).join('\n');

const HELP = `
Runs two APIs, two workers and a Redis of their own on this machine (every write on the disk before it is answered),
submits jobs, alone and eight in a request, and a batch in every round while things go wrong, and looks at each job afterwards: has it ended, with one
outcome, and with the right one, and did it pay for what others did? Exit code 1 when any was lost, doubled, wrong or
charged with an attempt without fault. (What goes wrong while a job is alone in a worker's hands may be its own fault.)

What goes wrong, each as often as the others:
${namesOf(ONE_REDIS)}
With --cluster or --sentinel, where a replica has what is acknowledged (REDIS_REPLICAS_ACK=1):
${namesOf(IN_CLUSTER)}
The links of workers are not cut there, because a proxy stands for one Redis only.
Besides, some jobs of every round crash or hang their inference process, throw, or make no number, and a third of the
others has a single attempt.

Examples:
  $ npm run faults -- --jobs 2000 --rounds 3
  $ npm run faults -- --jobs 20000 --rounds 20 --json | tail -1
  $ npm run faults -- --jobs 5000 --rounds 5 --cluster
  $ npm run faults -- --jobs 600 --rounds 3 --rows 100000 --kinds "worker killed,API killed,Redis killed"`;

interface Options {
  jobs: number;
  rounds: number;
  rows?: number;
  seed: number;
  kinds?: string;
  freezeMs: number;
  cluster?: true;
  sentinel?: true;
  json?: true;
}

const count = whole(1, 999_999_999);

/** `npm run faults`: breaks things on purpose and counts what is lost. */
export async function runCommand(args: readonly string[], host: FaultHost): Promise<void> {
  const program = new Command('npm run faults --')
    .description(
      'Breaks things on purpose while jobs run, and counts what is lost, doubled, wrong or charged.',
    )
    .option('--jobs <n>', 'jobs of all rounds together', count, 2_000)
    .option('--rounds <n>', 'rounds, of three faults each', count, 3)
    .option('--rows <n>', 'rows of the batch of each round; without it two for each job', whole(1, 1_000_000))
    .option('--seed <n>', 'order of the faults', count, Date.now() % 1_000_000)
    .option('--kinds <names>', 'the kinds of faults, comma-separated; without it all')
    .option('--freeze-ms <ms>', 'how long Redis is frozen when it is', count, 10_000)
    .option(
      '--cluster',
      'a Redis Cluster of 3 masters and 3 replicas, and 6 partitions, in place of one Redis',
    )
    .addOption(
      new Option('--sentinel', 'a master, a replica and 3 Sentinels in place of one Redis').conflicts(
        'cluster',
      ),
    )
    .option('--json', 'one JSON document as the last line of standard output')
    .addHelpText('after', HELP);
  const options = program.parse(args, { from: 'user' }).opts<Options>();
  const { jobs, rounds, rows, seed, freezeMs, cluster, sentinel, json } = options;
  const setup = cluster ? IN_CLUSTER : sentinel ? WITH_SENTINELS : ONE_REDIS;
  const kinds = options.kinds?.split(',').map((text): FaultKind => {
    const kind = setup.kinds.find(({ name }) => name === text.trim());
    return kind ?? program.error(`There is no "${text}"; there is:\n${namesOf(setup)}`);
  });
  if (setup !== ONE_REDIS) say('links of workers are not cut: a proxy stands for one Redis only');
  say(`${jobs} jobs in ${rounds} rounds, seed ${seed}\n${rowOf(TITLES)}`);
  const report = await runFaults(host, {
    jobs,
    rounds,
    rows,
    seed,
    startRedis: setup.start,
    kinds: kinds ?? setup.kinds,
    freezeMs,
    faultsPerRound: 3,
    onRound: (round) => say(lineOf(round)),
  });
  const { lost, doubled, wrong, charged } = report;
  const failed = Object.entries({ lost, doubled, wrong, charged }).flatMap(([kind, texts]) =>
    texts.map((text) => `${kind}: ${text}`),
  );
  for (const problem of failed.slice(0, 50)) say(problem);
  process.stdout.write(`${summaryOf(report)}\n`);
  if (json) process.stdout.write(`${JSON.stringify({ ...countsOf(report), rounds })}\n`);
  if (failed.length > 0) process.exitCode = 1;
}

const TITLES = ['round', 'accepted', 'ended', 'lost', 'doubled', 'wrong', 'charged', 'batch rows', 'seconds'];

const rowOf = (cells: readonly (string | number)[]): string =>
  cells.map((cell, index) => String(cell).padStart(TITLES[index]?.length ?? 0)).join('  ');

/** Figures of a report, in the order of the titles. */
const countsOf = ({ accepted, ended, lost, doubled, wrong, charged }: Tally) => ({
  accepted,
  ended,
  lost: lost.length,
  doubled: doubled.length,
  wrong: wrong.length,
  charged: charged.length,
});

function lineOf(report: RoundReport): string {
  const { round, rows, seconds, faults } = report;
  return `${rowOf([round, ...Object.values(countsOf(report)), rows, seconds.toFixed(1)])}  ${faults.join(', ')}`;
}

function summaryOf(report: FaultReport): string {
  const { rounds, rows, strikes } = report;
  const struck = Object.entries(strikes).map(([name, times]) => `  ${name.padEnd(42)}${times}`);
  return [
    '',
    rowOf(TITLES.slice(0, -1)),
    rowOf([rounds, ...Object.values(countsOf(report)), rows]),
    '',
    'faults',
    ...struck,
  ].join('\n');
}
