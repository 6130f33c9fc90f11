import { Command } from 'commander';
import { MEASURED } from '../../../scripts/capacity/constants.js';
import { USUAL } from '../../../scripts/capacity/demand.js';
import { planFor } from '../../../scripts/capacity/plan.js';
import { registerCapacityCommand } from '../../../scripts/commands/capacity.js';
import { waggle } from '../../support/run-program.js';

/** What `waggle capacity` prints, or the message that it ends with. */
async function capacity(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const out = jest.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const program = new Command('waggle').exitOverride().configureOutput({ writeErr: () => undefined });
  registerCapacityCommand(program);
  try {
    await program.parseAsync(['capacity', ...args], { from: 'user' });
    return lines.join('\n');
  } catch (error) {
    return String(error);
  } finally {
    out.mockRestore();
  }
}

it('prints one table of figures with two digits', async () => {
  const text = await capacity('--jobs-per-second', '100', '--rows-per-second', '1000');
  const lines = text.split('\n');
  for (const name of [
    'APIs',
    'workers',
    'Redis masters',
    'Redis, memory of results',
    'limit of Redis memory',
  ]) {
    expect(lines.filter((line) => line.startsWith(`${name}  `))).toHaveLength(1);
  }
  const figures = lines.map((line) => /^\S.*? {2,}([\d.,]+) /.exec(line)?.[1] ?? '');
  for (const figure of figures) {
    expect(figure.replaceAll(/[.,]/g, '').replace(/^0+/, '')).toMatch(/^[1-9]\d?0*$/);
  }
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(150);
});

it.each([
  [
    '1000',
    /Redis memory .* times this load, too small NOW; then change RESULT_TTL_MS, or the memory of Redis$/,
  ],
  ['1000000', /Redis CPU .* too small NOW; then change PARTITIONS, over more masters; CHUNK_ROWS for rows$/],
])('says what has to change before %s jobs a second can run', async (jobsPerSecond, change) => {
  const limits = (await capacity('--jobs-per-second', jobsPerSecond))
    .split('\n')
    .filter((line) => line.startsWith('limit of '));
  expect(limits).toContainEqual(expect.stringMatching(change));
});

it('warns of as many replicas as have to acknowledge', async () => {
  const args = ['--jobs-per-second', '100', '--acks', '1', '--replicas'];
  expect(await capacity(...args, '1')).toMatch(/^Redis replicas +1 in all: have more of each than/m);
  expect(await capacity(...args, '2')).toMatch(/^Redis replicas +2 in all$/m);
});

it('gives the plan, its demand and the source of its costs as JSON', async () => {
  const args = ['--jobs-per-second', '50', '--wait', '--predict-ms', '80', '--max-batch', '32', '--json'];
  const demand = {
    ...USUAL,
    jobsPerSecond: 50,
    rowsPerSecond: 0,
    predictMs: 80,
    maxBatch: 32,
    results: 'wait',
  } as const;
  const { plan, measured, ...rest } = JSON.parse(await capacity(...args)) as Record<string, unknown>;
  expect(rest).toEqual({ demand: JSON.parse(JSON.stringify(demand)) });
  expect(plan).toEqual(planFor(demand, MEASURED));
  expect(measured).toMatchObject({ command: expect.stringContaining('bench costs'), costs: MEASURED });
});

it.each([
  [
    ['--jobs-per-second', '-1'],
    "'--jobs-per-second <n>' argument '-1' is invalid. It must be a number from 0 to",
  ],
  [
    ['--rows-per-second', '1e3'],
    "'--rows-per-second <n>' argument '1e3' is invalid. It must be a number from 0 to",
  ],
  [['--predict-ms', 'fast'], "'--predict-ms <n>' argument 'fast' is invalid. It must be a number from 0 to"],
  [
    ['--max-batch', '0'],
    "'--max-batch <n>' argument '0' is invalid. It must be a whole number from 1 to 1024.",
  ],
  [
    ['--result-ttl-ms', '5'],
    "'--result-ttl-ms <n>' argument '5' is invalid. It must be a whole number from 1000 to",
  ],
  [
    ['--redis-memory-mb', '0'],
    "'--redis-memory-mb <n>' argument '0' is invalid. It must be a whole number from 1 to",
  ],
  [[], 'nothing to plan for: give --jobs-per-second, --rows-per-second or both, above 0'],
  [
    ['--jobs-per-second', '0'],
    'nothing to plan for: give --jobs-per-second, --rows-per-second or both, above 0',
  ],
])('refuses %j', async (args, message) => {
  expect(await capacity(...args)).toContain(message);
});

it('is a command of waggle', async () => {
  const { code, stdout } = await waggle(['capacity', '--jobs-per-second', '1']);
  expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringMatching(/^APIs +1 \(WEB_CONCURRENCY\)$/)]);
});
