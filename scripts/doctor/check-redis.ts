/** What a Redis says of itself: INFO and CONFIG GET, by name. */
export interface RedisFacts {
  info: ReadonlyMap<string, string>;
  /** Undefined where this user may not ask. */
  config: ReadonlyMap<string, string> | undefined;
}

/** Settings that are looked at. */
export const SETTINGS = [
  'maxmemory-policy',
  'appendonly',
  'zset-max-listpack-entries',
  'min-replicas-to-write',
  // The names of Redis 6.
  'zset-max-ziplist-entries',
  'min-slaves-to-write',
];

/** A master or replica, and how many acknowledgements submissions wait for. */
export interface CheckedRedis extends RedisFacts {
  /** `REDIS_REPLICAS_ACK`. */
  acks: number;
}

/** Tells what is wrong with a Redis, and what to do about each; nothing where all is well. */
export function checkRedis({ info, config, acks }: CheckedRedis): string[] {
  const problems: string[] = [];
  const expect = (isRight: boolean, problem: string): void => {
    if (!isRight) problems.push(problem);
  };
  const setting = (...names: string[]): string | undefined =>
    names.map((name) => config?.get(name)).find((value) => value !== undefined);
  const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number);
  expect(major * 100 + minor >= 602, `its version is ${info.get('redis_version')}: use Redis 6.2 or newer`);
  if (config) {
    // Replicas, too: one of them is the master after a failover.
    expect(
      setting('maxmemory-policy') === 'noeviction',
      'it drops records when its memory is full: set maxmemory-policy noeviction',
    );
    expect(setting('appendonly') === 'yes', 'it starts empty after it was killed: set appendonly yes');
    expect(
      setting('zset-max-listpack-entries', 'zset-max-ziplist-entries') === '0',
      'it searches small sets from their start, for 8 µs more a job: set zset-max-listpack-entries 0',
    );
  } else {
    problems.push('it refuses CONFIG GET: look at its settings where it is managed');
  }
  if (acks === 0 || info.get('role') !== 'master') return problems;
  const replicas = Number(info.get('connected_slaves') ?? 0);
  expect(
    replicas >= acks,
    `REDIS_REPLICAS_ACK is ${acks}, and it has ${replicas}: every submission is answered 503`,
  );
  expect(
    replicas !== acks,
    `REDIS_REPLICAS_ACK is ${acks}, as many as it has: without one of them every submission is answered 503`,
  );
  expect(
    !config || Number(setting('min-replicas-to-write', 'min-slaves-to-write')) > 0,
    'cut off from its replicas it goes on as a second master: set min-replicas-to-write 1',
  );
  return problems;
}
