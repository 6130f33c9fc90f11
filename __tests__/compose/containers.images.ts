import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { IProbe } from 'kubernetes-models/v1';
import { installWithApt } from '../../scripts/setup/apt.mjs';
import { findProgram } from '../../scripts/setup/run-command.mjs';
import { SETTINGS } from '../support/deployment/combinations.js';
import { COMPOSE } from '../support/deployment/compose-files.js';
import {
  type Container,
  failure,
  IMAGE_CACHE,
  type Launch,
  LIMITS,
  podman,
  podmanShell,
  removeAll,
  start,
  TOOLS,
} from '../support/deployment/containers.js';
import { basesOf, build, ensureBase, forgetImages, fullName } from '../support/deployment/images.js';
import { composeLaunches, podLaunches } from '../support/deployment/launches.js';
import { until } from '../support/latch.js';
import { TRIP } from '../support/rigs/api-rig.js';

// Two images are built, and their bases are made where no registry answers.
jest.setTimeout(900_000);

const say = (text: string): void => void process.stderr.write(`${text}\n`);
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const canRun = isRoot && findProgram(['apt-get', 'podman']) !== undefined;
if (!canRun) {
  say('Images were not built: that takes Linux, root, and Podman or an apt-get that can install it.');
}

const files = { api: 'api.Dockerfile', worker: 'worker.Dockerfile' };
const compose = composeLaunches('compose');
const pods = podLaunches('pods');
const REDIS = compose['redis']?.image ?? '';
const VALKEY = fullName('valkey/valkey:8.1.11-trixie');
const authorization = `Bearer ${SETTINGS.API_KEYS.split(':')[1]}`;

/** Calls an API, which is well. */
async function call(
  api: string,
  path: string,
  body?: string,
  type = 'application/json',
): Promise<Record<string, unknown>> {
  const answer = await fetch(`http://${api}:8182${path}`, {
    headers: { authorization, prefer: 'wait=60', ...(body === undefined ? {} : { 'content-type': type }) },
    ...(body === undefined ? {} : { method: 'POST', body }),
  });
  return (await answer.json()) as Record<string, unknown>;
}
const predict = (api: string): Promise<Record<string, unknown>> =>
  call(api, '/jobs', JSON.stringify({ input: TRIP }));

/** What a deployment asks of its containers. */
interface Deployment {
  launches: Record<string, Launch>;
  ask: (name: string, container: Container) => Promise<unknown>;
}

const COMPOSED: Deployment = {
  launches: compose,
  ask: (_, { id }) => podman('healthcheck', 'run', id),
};

/** Asks a pod by its probes, as the kubelet does. */
async function probe(name: string, container: Container): Promise<void> {
  const { ports, startupProbe, readinessProbe, livenessProbe } = pods[name]?.container ?? {};
  for (const one of [startupProbe, readinessProbe, livenessProbe] as (IProbe | undefined)[]) {
    if (one?.exec?.command) await container.exec(...one.exec.command);
    if (!one?.httpGet) continue;
    const url = `http://${await container.address()}:${ports?.[0]?.containerPort}${one.httpGet.path}`;
    const { ok, status } = await fetch(url);
    if (!ok) throw new Error(`${url} is answered with ${status}`);
  }
}
const PODS: Deployment = { launches: pods, ask: probe };

/** Starts some of a deployment and waits until they are well. */
async function open({ launches, ask }: Deployment, ...names: string[]): Promise<Container[]> {
  return Promise.all(
    names.map(async (name) => {
      const launch = launches[name];
      if (!launch) throw new Error(`there is no ${name}`);
      const startMs = performance.now();
      const container = await start(launch);
      await container.ready(() => ask(name, container));
      say(
        `${launch.alias} of ${launch.image} is well after ${((performance.now() - startMs) / 1000).toFixed(1)} s`,
      );
      return container;
    }),
  );
}

/** Starts Redis, and then API and worker. */
async function openAll(
  deployment: Deployment,
): Promise<{ redis: Container; api: Container; worker: Container; address: string }> {
  const [redis] = await open(deployment, 'redis');
  const [api, worker] = await open(deployment, 'api', 'worker');
  if (!redis || !api || !worker) throw new Error('it takes three');
  return { redis, api, worker, address: await api.address() };
}

(canRun ? describe : describe.skip)('the images', () => {
  beforeAll(async () => {
    const isThere = (tool: string): boolean =>
      findProgram([tool]) !== undefined || existsSync(`/usr/lib/podman/${tool}`);
    if (!TOOLS.every(isThere)) await installWithApt(...TOOLS);
    await removeAll();
    await Promise.all([...basesOf(files.api), REDIS, VALKEY].map(ensureBase));
    for (const [name, file] of Object.entries(files)) {
      const { sizeBytes, tookMs } = await build(file, compose[name]?.image ?? '');
      say(`${file}: ${Math.round(sizeBytes / 1e6)} MB, built in ${Math.round(tookMs / 1000)} s`);
    }
  });
  beforeEach(async () => {
    const all = [...Object.values(compose), ...Object.values(pods)].flatMap((launch) => launch.networks);
    for (const network of new Set(all)) {
      await podman('network', 'create', ...(network.endsWith('backend') ? ['--internal'] : []), network);
    }
  });
  afterEach(removeAll);
  afterAll(forgetImages);

  it('for GPUs is built as far as its base can be had', async () => {
    const bases = await Promise.all(basesOf('worker-gpu.Dockerfile').map(ensureBase));
    const isWhole = !bases.includes(false);
    if (!isWhole) {
      say('worker-gpu.Dockerfile: skipped but for its first stage, since no registry has CUDA for it.');
    }
    const built = await build(
      'worker-gpu.Dockerfile',
      'localhost/waggle-worker-gpu',
      isWhole ? undefined : 'build',
    );
    expect(built.sizeBytes).toBeGreaterThan(0);
  });

  it.each([
    ['compose.yaml', COMPOSED],
    ['the Kubernetes manifests', PODS],
  ])('run a job and a batch as %s says, and are replaced under load', async (_, deployment) => {
    const { api, worker, address } = await openAll(deployment);
    expect(await predict(address)).toMatchObject({
      status: 'succeeded',
      result: { duration: expect.any(Number) },
    });
    const rows = `${JSON.stringify(TRIP)}\n`.repeat(5_000);
    const batch = await call(address, '/batches', rows, 'application/x-ndjson');
    expect(batch).toMatchObject({ status: 'succeeded', rows: { succeeded: 5_000 } });
    for (const one of [api, worker]) {
      expect(await failure(one.exec('touch', '/app/a'))).toMatch('Read-only file system');
      await one.exec('touch', '/tmp/a');
      const status = await one.exec('sh', '-c', 'id -u; grep -hE "CapBnd|CapEff|NoNewPrivs" /proc/1/status');
      expect(status.split(/\s+/)).toEqual([
        '1000',
        'CapEff:',
        '0'.repeat(16),
        'CapBnd:',
        '0'.repeat(16),
        'NoNewPrivs:',
        '1',
      ]);
    }

    const [newApi] = await open(deployment, 'api', 'worker');
    const newAddress = (await newApi?.address()) ?? '';
    const replacing = new AbortController();
    const jobs: Record<string, unknown>[] = [];
    const load = (async () => {
      while (!replacing.signal.aborted || jobs.length < 100) jobs.push(await predict(newAddress));
    })();
    const under = predict(address);
    await until(() => jobs.length > 20);
    expect(await Promise.all([api.stop(), worker.stop()])).toEqual([0, 0]);
    replacing.abort();
    await load;
    expect(await under).toMatchObject({ status: 'succeeded' });
    expect(jobs.filter(({ status }) => status !== 'succeeded')).toEqual([]);
  });

  it.each([REDIS, VALKEY])('bring a backup back to %s', async (image) => {
    const redisLaunch = compose['redis'];
    if (!redisLaunch) throw new Error('there is no redis');
    const launches = { ...compose, redis: { ...redisLaunch, image } };
    const { redis, api, worker, address } = await openAll({ ...COMPOSED, launches });
    say(await redis.exec('redis-server', '--version'));
    const { id } = await predict(address);
    await redis.exec('redis-cli', '--rdb', '/data/backup.rdb');
    const backup = join(IMAGE_CACHE, 'backup.rdb');
    await podmanShell('$PODMAN exec "$1" cat /data/backup.rdb > "$2"', redis.id, backup);
    const { id: later } = await predict(address);
    expect(await Promise.all([api.stop(), worker.stop(), redis.stop()])).toEqual([0, 0, 0]);
    const script = `${join(COMPOSE, 'restore-redis.sh')}:/restore.sh:ro`;
    const said = await podmanShell(
      'backup=$1; shift; $PODMAN run --rm --interactive "$@" sh /restore.sh < "$backup" 2>&1; rm "$backup"',
      backup,
      ...LIMITS,
      ...redisLaunch.flags,
      '--health-interval=disable',
      `--volume=${script}`,
      image,
    );
    expect(said).toMatch(/restored \d+ keys/);
    const again = await openAll({ ...COMPOSED, launches });
    expect(await call(again.address, `/jobs/${String(id)}`)).toMatchObject({ id, status: 'succeeded' });
    expect(await call(again.address, `/jobs/${String(later)}`)).toMatchObject({ status: 404 });
    expect(await predict(again.address)).toMatchObject({ status: 'succeeded' });
  });
});
