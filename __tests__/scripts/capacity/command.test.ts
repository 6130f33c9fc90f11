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

it('prints what it takes and which limit comes first', async () => {
  const text = await capacity(
    '--jobs-per-second',
    '100',
    '--rows-per-second',
    '1000',
    '--result-ttl-ms',
    '3600000',
  );
  for (const words of [
    'For 100 jobs/s and 1,000 rows/s, results kept for 3,600 s:',
    'clients poll 2 times a job',
    'Redis memory is used up at ',
    'RESULT_TTL_MS=3600000 npm start',
    'npx waggle bench costs',
  ]) {
    expect(text).toContain(words);
  }
  expect(text).not.toMatch(/NaN|undefined|Infinity/);
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(150);
});

it('says what has to change before it can run', async () => {
  const text = await capacity('--jobs-per-second', '1000');
  expect(text).toContain('Redis memory is too small NOW; change RESULT_TTL_MS, or the memory of Redis');
  expect(text).not.toContain('npm start');
});

it('says how to part what one Redis cannot run', async () => {
  const text = await capacity('--jobs-per-second', '1000000');
  expect(text).toContain(
    'Redis CPU is too small NOW; change CHUNK_ROWS for rows, or a Redis for each group of models',
  );
  expect(text).toContain('each Redis has APIs and workers of its own');
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
  expect([code, stdout.split('\n')[0]]).toEqual([0, 'For 1 jobs/s and 0 rows/s, results kept for 86,400 s:']);
});
