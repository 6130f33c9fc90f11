import { configOrExit } from '../shared/config/or-exit.js';
import { SweepStore } from '../shared/jobs/sweep-store.js';
import { createLogger } from '../shared/log/logger.js';
import { type ModelsFolder, openModels } from '../shared/model/fetched-models.js';
import { runUntilStopped } from '../shared/process/run-until-stopped.js';
import { softwareVersion } from '../shared/process/software-version.js';
import { createApp } from './app.js';
import { readApiConfig } from './config.js';
import { type ApiContext, openApiContext, reload } from './context.js';
import { startServer } from './server.js';
import { startSweeper } from './sweeper.js';

/** Time for closing connections once requests are done, in ms. */
const CLOSING_MS = 2_000;

const config = configOrExit(() => readApiConfig(process.env, process.stdout.isTTY));
const log = configOrExit(() => createLogger('api', config.log));
let opened: ApiContext | undefined;
let models: ModelsFolder | undefined;
// The listener comes before anything is opened: without one the signal would end the process.
process.on('SIGHUP', () => void models?.refresh().then(() => opened && reload(opened)));

await runUntilStopped({ log, deadlineMs: config.graceMs + CLOSING_MS }, async (release, draining) => {
  models = await openModels(config.models.source, config.models.dir, { log, release, signal: draining });
  const fetched = { ...config, models: { ...config.models, dir: models.dir } };
  const ctx = await openApiContext(fetched, { log, release, draining });
  opened = ctx;
  ctx.metrics.watchProcess();

  for (const { records } of ctx.partitions.all) {
    const sweeper = startSweeper({
      sweep: new SweepStore(records),
      models: () => [...ctx.models.current.byName.keys()],
      onSwept: (report) => ctx.metrics.swept(report),
      log,
    });
    release.later('sweeper', () => sweeper.close());
  }

  const server = await startServer(createApp(ctx), config.listen, ctx.limits);
  let cutOff = 0;
  release.later('http', async () => {
    cutOff = await server.close(config.graceMs);
  });

  log.info('serving', { host: config.listen.host, port: server.port, version: softwareVersion() });
  process.send?.({ type: 'ready', port: server.port });
  return () => ({ requests_cut_off: cutOff });
});
