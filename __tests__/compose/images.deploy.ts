import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { loadProject } from '../support/deployment/compose-files.js';
import { COMBINATIONS, CPU, SETTINGS } from '../support/deployment/combinations.js';
import { commandOf, finalStage, imageEnv } from '../support/deployment/dockerfile.js';
import { filesBelow, packagesIn, sizeOf } from '../support/deployment/folder.js';
import { ImageFolders } from '../support/deployment/image-folders.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type Finished, runNode } from '../support/run-program.js';

// npm installs the packages of two images.
jest.setTimeout(300_000);

const FILES = { api: 'api.Dockerfile', worker: 'worker.Dockerfile' } as const;
type Name = keyof typeof FILES;
const NAMES = ['api', 'worker'] as const;
const SECRET = SETTINGS.API_KEYS.split(':')[1] ?? '';
const root = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as {
  devDependencies: Record<string, string>;
};

let dir: string;
let redis: TestRedis;
let folders: ImageFolders;
const images = { api: '', worker: '' };
const started: Program[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'waggle-images-'));
  chmodSync(dir, 0o755);
  folders = new ImageFolders(dir);
  await Promise.all(
    NAMES.map(async (name) => {
      images[name] = await folders.make(FILES[name]);
    }),
  );
  redis = await startRedis();
  if (redis.address.kind !== 'socket') throw new Error('the Redis of a test is on a socket');
  // For the user of the images.
  chmodSync(dirname(redis.address.path), 0o755);
  chmodSync(redis.address.path, 0o777);
});
afterAll(async () => {
  for (const program of started) program.signal('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Runs an image's CMD as its user, with its environment, on loopback and a free port. */
function start(name: Name, env: Record<string, string> = {}): Program {
  expect(commandOf(finalStage(FILES[name]), 'CMD')).toEqual(['node', `dist/${name}/main.js`]);
  const own = {
    HOST: '127.0.0.1',
    PORT: '0',
    REDIS_TIMEOUT_MS: '2000',
    WORKER_METRICS_HOST: '127.0.0.1',
    WORKER_METRICS_PORT: '0',
  };
  const { TF_ENGINE } = loadProject(CPU, SETTINGS).services[name]?.environment ?? {};
  const engine = TF_ENGINE ? { TF_ENGINE: String(TF_ENGINE) } : {};
  // Who is not root cannot write where root can: what is left is to be another user than the files' owner.
  const user = process.getuid?.() === 0 ? { uid: 1000, gid: 1000 } : {};
  const program = startProgram(
    name,
    { ...imageEnv(FILES[name]), ...engine, ...own, REDIS_URL: redis.url, ...env },
    { folder: images[name], ...user },
  );
  started.push(program);
  return program;
}

/** The image's HEALTHCHECK, asked of the port on which its program really is. */
const checkHealth = (name: Name, port: number): Promise<Finished> => {
  const [, script = '', , path = ''] = commandOf(finalStage(FILES[name]), 'HEALTHCHECK');
  return runNode([join(images[name], script), String(port), path], { PATH: process.env['PATH'] });
};

describe.each(NAMES)('the folder of the image %s', (name) => {
  const foreign = { api: /^@tensorflow\/|^webgpu$/, worker: /^express|^webgpu$|^@tensorflow\/tfjs-node/ };

  it('holds its own packages, and neither those of the other nor those for development', () => {
    const packages = packagesIn(images[name]);
    expect(packages).toContain({ api: 'express', worker: '@tensorflow/tfjs-backend-wasm' }[name]);
    expect(packages.filter((one) => foreign[name].test(one))).toEqual([]);
    expect(packages.filter((one) => one in root.devDependencies)).toEqual([]);
    const mib = (path: string): string => (sizeOf(join(images[name], path)) / 2 ** 20).toFixed(1);
    process.stderr.write(
      `${name}: ${mib('.')} MiB, ${mib('node_modules')} of it ${packages.length} packages, ${mib('dist')} ours, ${mib('model')} models\n`,
    );
  });

  it('holds what is built of its part and of what is shared, and no sources, tests or settings', () => {
    const files = filesBelow(images[name]).filter((file) => !file.startsWith('node_modules/'));
    const other = { api: 'worker', worker: 'api' }[name];
    expect(files).toContain(`dist/${name}/main.js`);
    expect(files).toContain('dist/shared/records/lua/accept.lua');
    expect(files).toContain('model/trip-duration/manifest.json');
    expect(files.filter((file) => file.startsWith(`dist/${other}/`) || /\.(ts|env)$/.test(file))).toEqual([]);
    const tops = new Set(files.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? ''));
    expect([...tops].toSorted()).toEqual(['dist', 'model', 'shared', name].toSorted());
  });
});

it('refuses to serve beyond loopback as long as nobody was said to be allowed to call', async () => {
  const api = start('api', { HOST: '0.0.0.0' });
  await expect(api.ready()).rejects.toThrow('set API_KEYS, or AUTH=none to serve everyone');
  expect(await api.ended).toBe(1);
});

it('develops: builds and starts the program again when a source has changed', async () => {
  const { command = [], build } =
    loadProject(COMBINATIONS['development'] ?? [], SETTINGS).services['api'] ?? {};
  const folder = await folders.make(basename(build?.dockerfile ?? ''), build?.target);
  const [, ...args] = command;
  const env = { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', REDIS_URL: redis.url };
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let said = '';
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  const starts = (count: number): Promise<boolean> =>
    until(
      () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${said}`);
        return said.split('"message":"serving"').length > count;
      },
      { timeoutMs: 60_000, what: `start ${count}` },
    );
  try {
    await starts(1);
    const source = join(folder, 'api/main.ts');
    writeFileSync(
      source,
      readFileSync(source, 'utf8').replace("'serving'", "'serving', { again: true }); log.info('changed'"),
    );
    await starts(2);
    await until(() => said.includes('"message":"changed"'));
  } finally {
    child.kill('SIGTERM');
  }
  expect(await ended).toEqual([0, null]);
});

it('runs a job from the submission to the result, says that it is well, and stops in order', async () => {
  const api = start('api', { API_KEYS: SETTINGS.API_KEYS });
  const worker = start('worker');
  const [port] = await Promise.all([api.ready(), worker.ready()]);
  const submitted = await fetch(`http://127.0.0.1:${port}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${SECRET}`, prefer: 'wait=30' },
    body: '{"input":{"PULocationID":130,"DOLocationID":205,"trip_distance":3}}',
  });
  expect(await submitted.json()).toMatchObject({
    status: 'succeeded',
    result: { duration: expect.any(Number) },
  });
  for (const page of ['/dashboard', '/docs', '/openapi.json']) {
    expect((await fetch(`http://127.0.0.1:${port}${page}`)).status).toBe(200);
  }
  const metricsPort = Number(worker.log.find(({ message }) => message === 'metrics served')?.['port']);
  const well = { code: 0, stdout: '', stderr: '' };
  expect(await checkHealth('api', port)).toEqual(well);
  expect(await checkHealth('worker', metricsPort)).toEqual(well);

  worker.signal('SIGTERM');
  expect(await worker.ended).toBe(0);
  expect(await checkHealth('worker', metricsPort)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/ECONNREFUSED/),
  });
  await redis.kill();
  expect(await checkHealth('api', port)).toMatchObject({ code: 1, stderr: expect.stringMatching(/503/) });
  api.signal('SIGTERM');
  expect(await api.ended).toBe(0);
});
