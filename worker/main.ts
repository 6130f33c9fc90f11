import { configOrExit } from '../shared/config/or-exit.js';
import { createLogger } from '../shared/log/logger.js';
import { type ModelsFolder, openModels } from '../shared/model/fetched-models.js';
import { runUntilStopped } from '../shared/process/run-until-stopped.js';
import { softwareVersion } from '../shared/process/software-version.js';
import { readWorkerConfig } from './config.js';
import { openWorker, type Worker } from './worker.js';

/** Beyond the grace period, for closing connections and processes, in ms. */
const CLOSING_MS = 3_000;

const config = configOrExit(() => readWorkerConfig(process.env, process.stdout.isTTY));
const log = configOrExit(() => createLogger('worker', config.log));
let worker: Worker | undefined;
let models: ModelsFolder | undefined;
// Before anything is open: without a listener this signal would end the process.
process.on('SIGHUP', () => void models?.refresh().then(() => worker?.reload()));

await runUntilStopped({ log, deadlineMs: config.graceMs + CLOSING_MS }, async (release, stopping) => {
  const onBroken = (reason: string): void => {
    log.error('a model cannot be run any more, leaving', { reason });
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  };
  log.info('starting', { version: softwareVersion() });
  models = await openModels(config.modelsSource, config.modelsDir, { log, release, signal: stopping });
  const opened = await openWorker({
    config: { ...config, modelsDir: models.dir },
    log,
    release,
    stopping,
    onBroken,
  });
  worker = opened;
  worker.metrics.watchProcess();
  if (config.metrics) {
    const metrics = await worker.metrics.serve(config.metrics);
    release.later('metrics', () => metrics.close());
    log.info('metrics served', { host: config.metrics.host, port: metrics.port });
  }
  process.send?.({
    type: 'ready',
    models: worker.models().map(({ name, version, engine }) => ({ name, version, engine })),
  });
  return () => opened.left();
});
