import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisPlace } from '../../shared/redis/address.js';
import { askRedis } from '../../shared/redis/locate.js';
import { until } from './latch.js';
import { end, findRedisServer, freePort, startRedis, type TestRedis } from './redis.js';
import type { Replaceable } from './replaceable.js';
import { follow } from './replica.js';

const HOST = '127.0.0.1';
/** The name under which the Sentinels know the master. */
export const NAME = 'main';
/** A master that is silent for so long is replaced, in ms. */
const DOWN_AFTER_MS = 1_000;

/** Starts a master, a replica, and the three Sentinels that watch them under the name {@link NAME}, on this machine. */
export async function startSentinels(): Promise<Replaceable> {
  const nodes = await Promise.all([1, 2].map(() => startRedis({ host: HOST, appendOnly: true })));
  const [first, second] = nodes as [TestRedis, TestRedis];
  await follow(second, first.url);
  const dir = mkdtempSync(join(tmpdir(), 'waggle-sentinels-'));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(dir, portOf(first))));
  const ask = <T>(...words: string[]): Promise<T> =>
    until(
      () =>
        Promise.any(
          sentinels.map(({ place }) => askRedis(place, (send) => send<T>('SENTINEL', ...words))),
        ).catch(() => undefined),
      { what: `the answer of a Sentinel to ${words.join(' ')}` },
    );
  const master = async (): Promise<TestRedis> => {
    const [, port] = await ask<[string, string]>('GET-MASTER-ADDR-BY-NAME', NAME);
    const found = nodes.find((node) => portOf(node) === Number(port));
    if (!found) throw new Error(`the Sentinels name port ${port}`);
    return found;
  };
  const isWhole = (): Promise<void> =>
    until(
      async () => {
        const replication = await askRedis((await master()).place, (send) =>
          send<string>('INFO', 'replication'),
        ).catch(() => '');
        if (!/^role:master[^]*^slave0:.*state=online/m.test(replication)) return false;
        const known = await Promise.all(
          sentinels.map(({ place }) => askRedis(place, isReady).catch(() => false)),
        );
        return known.every(Boolean);
      },
      { what: 'Sentinels that know a master and its replica', timeoutMs: 60_000 },
    ).then(() => undefined);
  await isWhole();
  return {
    url: `redis+sentinel://${sentinels.map(({ place }) => `${HOST}:${place.port}`).join(',')}/${NAME}`,
    master,
    async failOver() {
      await ask('FAILOVER', NAME);
    },
    isWhole,
    async stop() {
      await Promise.all(sentinels.map(({ server }) => end(server, 'SIGKILL')));
      await Promise.all(nodes.map((node) => node.stop()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function portOf({ place }: TestRedis): number {
  if (place.kind !== 'host') throw new Error('not reached over TCP');
  return place.port;
}

/** Whether a Sentinel knows both others, and a replica that may take the master's place. */
async function isReady(send: <T>(...words: string[]) => Promise<T>): Promise<boolean> {
  const [others, replicas] = await Promise.all([
    send<unknown[]>('SENTINEL', 'SENTINELS', NAME),
    send<string[][]>('SENTINEL', 'REPLICAS', NAME),
  ]);
  const isUp = (words: string[]): boolean => words[words.indexOf('flags') + 1] === 'slave';
  return others.length === 2 && replicas.length === 1 && replicas.every(isUp);
}

interface Sentinel {
  server: ChildProcess;
  place: Extract<RedisPlace, { kind: 'host' }>;
}

async function startSentinel(dir: string, masterPort: number): Promise<Sentinel> {
  const port = await freePort(HOST);
  const file = join(dir, `${port}.conf`);
  // A Sentinel writes what it learns into its file.
  const lines = [
    `port ${port}`,
    `bind ${HOST}`,
    `dir ${dir}`,
    'loglevel warning',
    `sentinel monitor ${NAME} ${HOST} ${masterPort} 2`,
    `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
    `sentinel failover-timeout ${NAME} 10000`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  const server = spawn(findRedisServer(), [file, '--sentinel'], { stdio: 'ignore' });
  const place = { kind: 'host' as const, host: HOST, port, tls: false, database: 0 };
  await until(() => askRedis(place, (send) => send('PING')).catch(() => undefined), { what: 'a Sentinel' });
  return { server, place };
}
