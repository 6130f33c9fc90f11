// A worker with an inference process of somebody else's. Everything else of it is the real one.
import { configOrExit } from '../../../dist/shared/config/or-exit.js';
import { createLogger } from '../../../dist/shared/log/logger.js';
import { runUntilStopped } from '../../../dist/shared/process/run-until-stopped.js';
import { readWorkerConfig } from '../../../dist/worker/config.js';
import { openWorker } from '../../../dist/worker/worker.js';

/** @param {URL} inferenceEntry program of its inference processes */
export async function runWorker(inferenceEntry) {
  const config = configOrExit(() => readWorkerConfig(process.env, false));
  const log = createLogger('worker', config.log);
  await runUntilStopped({ log, deadlineMs: config.graceMs + 3_000 }, async (release, stopping) => {
    const onBroken = () => process.exit(1);
    await openWorker({ config, log, release, stopping, onBroken, inferenceEntry });
    process.send?.({ type: 'ready' });
  });
}
