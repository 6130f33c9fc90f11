import { createServer } from 'node:net';
import { BalancedClient, type Troubles } from '../support/balanced-client.js';
import { until } from '../support/latch.js';
import { isRunning } from '../support/processes.js';
import { startRedis } from '../support/redis.js';
import { waggle } from '../support/run-program.js';
import { launch, type Launched } from '../support/launched.js';

const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
const PREDICTION = { duration: expect.any(Number) };

let running: Launched[];
beforeEach(() => {
  running = [];
});
afterEach(async () => {
  for (const service of running) await service.cleanUp();
});

async function start(env: Record<string, string> = {}): Promise<Launched> {
  const service = await launch(env);
  running.push(service);
  return service;
}

/** Submits a trip until it is accepted, and waits for its end. */
async function predict({ client }: Launched): Promise<unknown> {
  const job = await until(() => client.submit({ input: TRIP }, { waitSeconds: 10 }).catch(() => undefined));
  return (await client.wait(job.id)).result;
}

/** Every process of the service but its launcher. */
const pidsOf = (service: Launched): number[] => service.processes('all').map(({ pid }) => pid);

const allGone = (pids: readonly number[]) =>
  until(() => pids.every((pid) => !isRunning(pid)), { what: 'the end of all processes' });

/** Kills an API, a worker and Redis, which are started again, and asks an API to leave. Of APIs and workers there are two. */
async function killOneAfterTheOther(service: Launched): Promise<void> {
  expect(service.processes('api')).toHaveLength(2);
  for (const [kind, isBackLine] of [
    ['api', /API 1 of 2 is back/],
    ['worker', /worker [12] of 2 is back/],
    ['redis', /the private Redis is back/],
  ] as const) {
    process.kill(service.processes(kind)[0]?.pid ?? 0, 'SIGKILL');
    await until(() => isBackLine.test(service.printed.stdout), { what: `the return of ${kind}` });
    expect(await predict(service)).toEqual(PREDICTION);
  }
  expect(service.processes('api')).toHaveLength(2);

  // One that is asked to leave is replaced as well, and those who use it do not notice.
  const leaving = service.processes('api')[0]?.pid ?? 0;
  const troubles: Troubles = { draining: 0, refused: 0, closed: [], others: [] };
  const { hostname, port } = new URL(service.url);
  const clients = Array.from(
    { length: 4 },
    () => new BalancedClient([{ host: hostname, port: Number(port) }], 0, troubles),
  );
  const isBack = (): boolean => service.printed.stdout.split('is back').length > 4 && !isRunning(leaving);
  const submit = async (client: BalancedClient): Promise<number> => {
    const headers = { prefer: 'wait=10' };
    return (await client.send({ method: 'POST', path: '/jobs', headers, body: { input: TRIP } })).status;
  };
  // The prediction above proves of one API only that it has found the Redis that is back.
  for (const client of clients) await until(async () => (await submit(client)) === 200);
  const use = async (client: BalancedClient): Promise<void> => {
    while (!isBack()) expect(await submit(client)).toBe(200);
    client.close();
  };
  process.kill(leaving, 'SIGTERM');
  await Promise.all(clients.map(use));
  expect(troubles).toMatchObject({ refused: 0, others: [] });
  expect(troubles.closed.filter((id) => service.printed.stdout.includes(id))).toEqual([]);
}

describe('npm start', () => {
  it('serves, says where, and leaves nothing behind when it is told to stop', async () => {
    const service = await start();
    await until(() => service.printed.stderr.includes('Ctrl-C'), { what: 'the banner' });
    expect(service.printed.stderr).toContain(`curl -s ${service.url}/jobs`);
    expect(await predict(service)).toEqual(PREDICTION);
    const said = await waggle([
      'submit',
      '--pu',
      '130',
      '--do',
      '205',
      '--distance',
      '3',
      '--url',
      service.url,
    ]);
    expect(said).toMatchObject({ code: 0, stdout: expect.stringMatching(/^duration {2}[\d.]+ minutes\n/) });

    const second = await start({ DATA_DIR: service.dataDir });
    expect((await second.ended).code).toBe(1);
    expect(second.printed.stderr).toContain(`another npm start (process ${service.launcher.pid}) uses`);

    const pids = pidsOf(service);
    // As a service manager does that tells every process, and npm the launcher once more.
    process.kill(-(service.launcher.pid ?? 0), 'SIGTERM');
    service.launcher.kill('SIGTERM');
    expect(await service.ended).toEqual({ code: 0, signal: null });
    await allGone(pids);
    const complaints = service.printed.stdout
      .split('\n')
      .filter((line) => /"level":"(error|warn)"/.test(line));
    expect(complaints).toEqual([]);
  });

  it('keeps its data over a restart, however it ended, and starts whatever is killed again', async () => {
    const first = await start();
    const job = await first.client.submit({ input: TRIP }, { waitSeconds: 10 });
    const pids = pidsOf(first);
    const { pid = 0 } = first.launcher;
    // The terminal tells every process of the foreground, and npm the launcher once more: that is one Ctrl-C.
    process.kill(-pid, 'SIGINT');
    process.kill(pid, 'SIGINT');
    expect(await first.ended).toEqual({ code: 0, signal: null });
    await allGone(pids);

    const second = await start({ DATA_DIR: first.dataDir, WORKERS: '2', WEB_CONCURRENCY: '2' });
    expect(await second.client.get(job.id)).toMatchObject({ id: job.id, status: 'succeeded' });
    await killOneAfterTheOther(second);
    const killed = pidsOf(second);
    second.launcher.kill('SIGKILL');

    const third = await start({ DATA_DIR: first.dataDir });
    await allGone(killed);
    expect(await predict(third)).toEqual(PREDICTION);
    process.kill(third.processes('worker')[0]?.pid ?? 0, 'SIGSTOP');
    const [api] = third.processes('api');
    third.launcher.kill('SIGTERM');
    // Nobody sends a second one sooner: it would be the first, passed on.
    await until(() => !isRunning(api?.pid ?? 0), { what: 'the end of the API' });
    const left = pidsOf(third);
    third.launcher.kill('SIGTERM');
    expect(await third.ended).toEqual({ code: 1, signal: null });
    await allGone(left);
  });

  it('uses the Redis it is given and starts none', async () => {
    const redis = await startRedis();
    try {
      const service = await start({ REDIS_URL: redis.url });
      expect(await predict(service)).toEqual(PREDICTION);
      expect(() => service.processes('redis')).toThrow('no process of the kind redis');
      service.launcher.kill('SIGTERM');
      expect((await service.ended).code).toBe(0);
      expect(isRunning(redis.pid)).toBe(true);
    } finally {
      await redis.stop();
    }
  });
});

describe('npm start refuses', () => {
  it('a port that is taken, with advice', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const service = await start({ PORT: String(port) });
    expect((await service.ended).code).toBe(1);
    expect(service.printed.stderr).toContain(`port ${port} is taken`);
    other.close();
  });

  it('settings that cannot be for any of its programs, all at once', async () => {
    const env = { PORT: 'x', WORKERS: '-1', RATE_LIMIT: 'y', MAX_BATCH: 'z', GRACE_MS: '-1' };
    const service = await start(env);
    expect((await service.ended).code).toBe(1);
    expect(service.printed.stderr).toMatch(/PORT must be[^]*WORKERS must be/);
    const named = service.printed.stderr.match(/^ {2}- [A-Z_]+/gm)?.map((line) => line.slice(4));
    expect(named?.toSorted()).toEqual(Object.keys(env).toSorted());
  });
});
