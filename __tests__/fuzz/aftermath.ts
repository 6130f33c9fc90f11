import { partitionPrefix } from '../../shared/records/records.js';
import { until } from '../support/latch.js';
import type { CampaignReport } from './campaign.js';
import type { TargetService } from './target-service.js';

/** Heap that may come with a campaign and stay, in bytes: compiled code and filled pools, not one thing a request. */
const HEAP_TOLERANCE_BYTES = 8 * 1024 * 1024;

/** What is wrong with the service after a campaign; empty for nothing. */
export async function inspectAftermath(target: TargetService, report: CampaignReport): Promise<string[]> {
  const problems: string[] = [];
  const note = (what: string) => (error: unknown) => void problems.push(`${what}: ${String(error)}`);
  await everythingEnds(target).catch(note('what was submitted does not end'));
  await aJobSucceeds(target).catch(note('a normal job does not succeed'));
  return [
    ...problems,
    ...wrongInMemory(report),
    ...wrongInLog(target.logged()),
    ...(await leftInRedis(target).catch((error: unknown) => [
      `Redis cannot be looked through: ${String(error)}`,
    ])),
  ];
}

/** Everything but jobs that start later, a first time or again, which may take them hours: those are canceled at last. */
async function everythingEnds({ redis, keyPrefix, url }: TargetService): Promise<void> {
  const key = (name: string): string => partitionPrefix(keyPrefix) + name;
  const idsIn = async (...names: string[]): Promise<string[]> => {
    const keys = await Promise.all(names.map((name) => redis.command(['KEYS', key(name)])));
    const sets = await Promise.all(
      keys.flat().map((set) => redis.command(['ZRANGE', String(set), '0', '-1'])),
    );
    return sets.flat().map(String);
  };
  let left: string[] = [];
  const whenNoneIsIn = (...names: string[]): Promise<boolean> =>
    until(async () => (left = await idsIn(...names)).length === 0, {
      timeoutMs: 90_000,
      what: 'the end of everything',
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${left.join('; ')}`);
    });
  await whenNoneIsIn('queued:*', 'running', 'accepting');
  for (const id of await idsIn('delayed:*')) {
    const [batch, chunk] = id.split(':');
    await fetch(chunk === undefined ? `${url}/jobs/${id}` : `${url}/batches/${batch}`, { method: 'DELETE' });
  }
  await whenNoneIsIn('queued:*', 'delayed:*', 'running', 'accepting');
  const { status } = await fetch(`${url}/health/ready`);
  if (status !== 200) throw new Error(`/health/ready answers ${status}`);
}

async function aJobSucceeds({ url }: TargetService): Promise<void> {
  const { models } = (await (await fetch(`${url}/models`)).json()) as { models: { example: unknown }[] };
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'wait=30' },
    body: JSON.stringify({ input: models[0]?.example }),
  });
  const job = (await response.json()) as { status: string };
  if (job.status !== 'succeeded') throw new Error(`it is ${JSON.stringify(job)}`);
}

/** The first samples are of a process that is still warming up. */
function wrongInMemory({ memory }: CampaignReport): string[] {
  const first = memory[Math.floor(memory.length / 5)];
  const last = memory.at(-1);
  if (!first || !last || last.heapUsed - first.heapUsed <= HEAP_TOLERANCE_BYTES) return [];
  return [`the heap of the API grew from ${first.heapUsed} to ${last.heapUsed} bytes`];
}

function wrongInLog(text: string): string[] {
  const lines = text.split('\n');
  const bad = lines.filter((line) =>
    /"level":"error"|^\s+at .+:\d+:\d+|UnhandledPromise|Warning: /.test(line),
  );
  return bad.slice(0, 3).map((line) => `in the log, one of ${bad.length}: ${line.slice(0, 1_000)}`);
}

/** Keys that live for ever, and why they may: the sweeper removes what is in them, or there is one of them, or one entry, a model. */
const LASTING = /^(index:|batches:|requests$|ends$|owners$|counts$|calls$|token$|schema$|workers$|bq:)/;

async function leftInRedis({ redis, keyPrefix }: TargetService): Promise<string[]> {
  const wrong: string[] = [];
  const prefix = partitionPrefix(keyPrefix);
  let cursor = '0';
  do {
    const [next, keys] = (await redis.command(['SCAN', cursor, 'COUNT', '1000'])) as [string, string[]];
    cursor = next;
    for (const key of keys) {
      if (!key.startsWith(prefix)) wrong.push(`the key ${key} is outside the prefix`);
      const name = key.slice(prefix.length);
      if (LASTING.test(name)) continue;
      if (Number(await redis.command(['TTL', key])) === -1) wrong.push(`the key ${key} has no time to live`);
    }
  } while (cursor !== '0');
  return wrong.slice(0, 10);
}
