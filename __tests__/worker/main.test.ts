import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isEnded } from '../../shared/jobs/job.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { readWorkers } from '../../shared/workers/registry.js';
import { readWorkerConfig } from '../../worker/config.js';
import { openWorker } from '../../worker/worker.js';
import { useJobRig } from '../support/rigs/job-rig.js';
import { until } from '../support/latch.js';
import { descendantsOf, isRunning } from '../support/processes.js';
import { built, MODELS } from '../support/paths.js';
import { recordingLog } from '../support/recording-log.js';

const MODEL = 'trip-duration-linear';
const workers: ChildProcess[] = [];
afterEach(() => {
  for (const worker of workers.splice(0)) worker.kill('SIGKILL');
});
const rig = useJobRig();

/** The worker's own program, as a child of this process. */
function launch(env: Record<string, string> = {}): { worker: ChildProcess; lines: string[] } {
  const worker = fork(built('worker/main.js'), {
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env['PATH'],
      REDIS_URL: rig.server.url,
      KEY_PREFIX: rig.keyPrefix,
      MODELS_DIR: MODELS,
      MODELS: MODEL,
      TF_ENGINE: 'wasm',
      ...env,
    },
  });
  workers.push(worker);
  const lines: string[] = [];
  for (const stream of [worker.stdout, worker.stderr]) {
    if (stream) createInterface(stream).on('line', (line) => lines.push(line));
  }
  return { worker, lines };
}

const order = (): Promise<string> =>
  rig.submit({
    model: MODEL,
    input: { PULocationID: 130, DOLocationID: 205, trip_distance: 3 },
  });

it('says when it serves, answers like the original service, and leaves in good order on SIGTERM', async () => {
  const { worker, lines } = launch();
  const [ready] = (await once(worker, 'message')) as [unknown];
  expect(ready).toMatchObject({ type: 'ready', models: [{ name: MODEL, engine: 'wasm' }] });
  const id = await order();
  const job = await until(async () => {
    const found = await rig.store.find(id);
    return found && isEnded(found.state) ? found : undefined;
  });
  const duration = job.state === 'succeeded' ? Number(JSON.parse(job.resultJson).duration) : Number.NaN;
  expect(Math.abs(duration / 12.785509620119132 - 1)).toBeLessThan(1e-3);
  const inference = descendantsOf(worker.pid ?? 0);
  expect(inference.length).toBeGreaterThan(0);
  worker.kill('SIGTERM');
  const [code] = (await once(worker, 'exit')) as [number];
  expect(code).toBe(0);
  await until(() => inference.every(({ pid }) => !isRunning(pid)));
  expect(await readWorkers(rig.records)).toEqual([]);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ service: 'worker' });
});

it('gives back on SIGTERM what does not finish in time, uncounted, and ends with 0 all the same', async () => {
  const { worker, lines } = launch({ GRACE_MS: '1500' });
  await once(worker, 'message');
  const inference = descendantsOf(worker.pid ?? 0);
  for (const { pid } of inference) process.kill(pid, 'SIGSTOP');
  const id = await order();
  await until(async () => (await rig.store.find(id))?.state === 'running');
  worker.kill('SIGTERM');
  expect(await once(worker, 'close')).toEqual([0, null]);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ message: 'stopped', given_back: 1, not_written: 0 });
  expect(await rig.store.find(id)).toMatchObject({ state: 'queued', attempts: 0 });
  await until(() => inference.every(({ pid }) => !isRunning(pid)));
});

it('leaves when its parent is gone', async () => {
  const { worker } = launch();
  await once(worker, 'message');
  worker.disconnect();
  expect(await once(worker, 'exit')).toEqual([0, null]);
});

it('leaves in good order on SIGTERM even after Redis was away', async () => {
  const { worker, lines } = launch();
  await once(worker, 'message');
  const ids = await Promise.all(Array.from({ length: 200 }, order));
  await until(async () => isEnded((await rig.store.find(ids.at(-1) ?? ''))?.state ?? 'queued'));
  await rig.server.kill();
  await until(() => lines.some((line) => line.includes('queue link not opened')));
  await rig.server.restart();
  worker.kill('SIGTERM');
  expect(await once(worker, 'exit')).toEqual([0, null]);
});

it('reloads on SIGHUP what has changed, and leaves no process behind when it is killed', async () => {
  const modelsDir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  try {
    cpSync(join(MODELS, MODEL), join(modelsDir, MODEL), { recursive: true });
    const { worker, lines } = launch({ MODELS_DIR: modelsDir });
    await once(worker, 'message');
    const manifest = join(modelsDir, MODEL, 'manifest.json');
    writeFileSync(
      manifest,
      readFileSync(manifest, 'utf8').replace('"version": "1.0.0"', '"version": "1.0.1"'),
    );
    worker.kill('SIGHUP');
    const line = await until(() => lines.find((said) => said.includes('model reloaded')));
    expect(JSON.parse(line)).toMatchObject({ model: MODEL, from: '1.0.0', to: '1.0.1' });
    const inference = descendantsOf(worker.pid ?? 0);
    expect(inference.length).toBeGreaterThan(0);
    worker.kill('SIGKILL');
    await until(() => inference.every(({ pid }) => !isRunning(pid)));
  } finally {
    rmSync(modelsDir, { recursive: true });
  }
});

it.each([
  [{ MAX_BATCH: 'many', LEASE_MS: '1' }, ['MAX_BATCH', 'LEASE_MS']],
  [{ TF_ENGINE: 'gpu' }, ['the engine \\"gpu\\" cannot run here', 'tfjs-node-gpu', 'WITH_GPU=1']],
])('ends with code 1 and says why with %j', async (env, words) => {
  const { worker, lines } = launch(env);
  const [code] = (await once(worker, 'close')) as [number];
  expect(code).toBe(1);
  for (const word of words) expect(lines.join('\n')).toContain(word);
});

it.each([
  [{ MODELS_DIR: '/nowhere' }, ['no model package found']],
  [{ MODELS: 'weather' }, ['MODELS names "weather"', MODEL]],
])('says why it does not start with %j', async (env, words) => {
  const release = new ReleaseStack();
  const log = recordingLog();
  const variables = { REDIS_URL: rig.server.url, MODELS_DIR: MODELS, TF_ENGINE: 'wasm', ...env };
  const config = readWorkerConfig(variables, false);
  const opening = openWorker({ config, log, release, onBroken: () => undefined });
  // The program ends with code 1 whatever openWorker rejects with.
  for (const word of words) await expect(opening).rejects.toThrow(word);
  await release.run(log);
});
