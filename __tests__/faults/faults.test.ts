import { resolve } from 'node:path';
import { type FaultKind, ONE_REDIS } from './fault-kinds.js';
import { runFaults } from './run-faults.js';

const host = { root: resolve(__dirname, '../..'), env: process.env };

/** Freezing takes long by its nature; the long form, `npm run faults`, has it all. */
const SLOW = new Set(['Redis frozen', 'worker frozen', 'link silent']);
const quick: FaultKind[] = ONE_REDIS.kinds.filter(({ name }) => !SLOW.has(name));

it('loses, doubles and spoils nothing whatever is killed, cut or forgotten under load', async () => {
  const report = await runFaults(host, {
    jobs: 200,
    rounds: 1,
    seed: 1,
    startRedis: ONE_REDIS.start,
    kinds: quick,
    freezeMs: 1_000,
    faultsPerRound: quick.length,
    onRound: () => undefined,
  });
  expect(report).toMatchObject({
    accepted: 200,
    ended: 200,
    rows: 400,
    lost: [],
    doubled: [],
    wrong: [],
    charged: [],
  });
  expect(Object.values(report.strikes)).toEqual(quick.map(() => 1));
}, 240_000);
