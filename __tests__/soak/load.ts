import { randomUUID } from 'node:crypto';
import { isEnded } from '../../shared/client/bodies.js';
import type { WaggleClient } from '../../shared/client/client.js';
import { ProblemError } from '../../shared/client/errors.js';
import { pause } from '../../shared/process/pause.js';

/** Number of times that each act was done. */
export type Done = Record<string, number>;

const USERS = 12;
const LATE = 'answered with 503';
/** Between two things that one user does: keeps the rate steady, and the machine from being full. */
const THINK_MS = 40;
const BATCH_ROWS = 300;

/** Acts of a user, and the share of each in percent. */
const ACTS: readonly { name: string; share: number; act: (client: WaggleClient) => Promise<unknown> }[] = [
  { name: 'submit and poll', share: 45, act: async (client) => client.wait((await submit(client)).id) },
  { name: 'submit and wait', share: 25, act: (client) => submit(client, 5) },
  { name: 'submit and leave', share: 8, act: (client) => submit(client) },
  { name: 'submit many and wait', share: 2, act: submitMany },
  {
    name: 'submit and cancel',
    share: 8,
    act: async (client) => client.cancel((await submit(client)).id).catch(ended),
  },
  { name: 'list', share: 8, act: (client) => client.list({ limit: 20 }) },
  { name: 'batch', share: 2, act: batch },
  { name: 'batch and cancel', share: 2, act: batchAndCancel },
];

/** Keeps users busy until the signal. Rejects when anything goes wrong: nothing is broken here on purpose. */
export async function load(clients: readonly WaggleClient[], until: AbortSignal): Promise<Done> {
  const done: Done = Object.fromEntries(ACTS.map(({ name }) => [name, 0]));
  const users = Array.from({ length: USERS }, async (_, user) => {
    const client = clients[user % clients.length];
    if (!client) return;
    while (!until.aborted) {
      const { name, act } = pick();
      const what = await act(client).then(
        () => name,
        (error: unknown) => {
          // On a machine that is busy with other things the store may be late once in a while.
          if (error instanceof ProblemError && error.isPassing) return LATE;
          throw error;
        },
      );
      done[what] = (done[what] ?? 0) + 1;
      await pause(THINK_MS);
    }
  });
  await Promise.all(users);
  return done;
}

function pick(): (typeof ACTS)[number] {
  let left = 100 * Math.random();
  const found = ACTS.find(({ share }) => (left -= share) < 0);
  return found ?? ACTS[0] ?? { name: '', share: 0, act: () => Promise.resolve() };
}

const submit = (client: WaggleClient, waitSeconds?: number) =>
  client.submit(
    { input: { act: 'answer', value: Math.floor(1_000 * Math.random()) / 10 }, request_id: randomUUID() },
    waitSeconds === undefined ? {} : { waitSeconds },
  );

const MANY = 50;

async function submitMany(client: WaggleClient): Promise<void> {
  const jobs = rows(MANY).map((input) => ({ input }));
  const entries = await client.submitMany(jobs, { waitSeconds: 20, idempotencyKey: randomUUID() });
  for (const entry of entries) {
    if (entry instanceof ProblemError) throw entry;
    if (!isEnded(entry)) throw new Error(`job ${entry.id} of many is ${entry.status} after a wait`);
  }
}

const rows = (count: number) => Array.from({ length: count }, (_, value) => ({ act: 'answer', value }));

async function batch(client: WaggleClient): Promise<void> {
  const { id } = await client.batches.submit(rows(BATCH_ROWS));
  await client.batches.wait(id);
  let seen = 0;
  for await (const _ of client.batches.results(id)) seen += 1;
  if (seen !== BATCH_ROWS) throw new Error(`a batch has ${seen} rows instead of ${BATCH_ROWS}`);
}

async function batchAndCancel(client: WaggleClient): Promise<void> {
  const { id } = await client.batches.submit(rows(10 * BATCH_ROWS));
  await client.batches.cancel(id).catch(ended);
}

/** Too late to cancel: it has ended. */
function ended(error: unknown): void {
  if (!String(error).includes('409')) throw error;
}
