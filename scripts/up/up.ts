import { once } from 'node:events';
import { WaggleClient } from '../../shared/client/client.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { AppError } from '../../shared/errors.js';
import { createLogger, type Logger } from '../../shared/log/logger.js';
import { ReleaseStack } from '../../shared/process/release-stack.js';
import { styleFor } from '../lib/terminal.js';
import { bannerLines } from './banner.js';
import { readAllConfigs, type UpConfig } from './config.js';
import { ProcessGroup } from './process-group.js';
import { listenForSignals } from './signals.js';
import { type SetUp, startAll } from './start-all.js';

/**
 * Runs everything on this machine until SIGINT or SIGTERM: Redis (unless REDIS_URL names one), workers, APIs. Then
 * ends them in the order API, workers, Redis. The exit code is 0 after that, 1 when something could not be started or
 * had to be killed. A second signal kills what is left.
 */
export async function up(setUp: SetUp): Promise<void> {
  try {
    const config = await readAllConfigs(setUp.env, setUp.root, process.stdout.isTTY);
    await runUntilSignal({ config, setUp, log: createLogger('up', config.log) });
  } catch (error) {
    fail(error);
  }
}

const MODELS_MS = 2_000;

interface UpContext {
  config: UpConfig;
  setUp: SetUp;
  log: Logger;
}

async function runUntilSignal(context: UpContext): Promise<void> {
  const { log } = context;
  const startedMs = Date.now();
  const release = new ReleaseStack();
  const group = new ProcessGroup();
  const { stopping, killing, ignore } = listenForSignals(() => {
    log.info('reloading models');
    group.signal('SIGHUP');
  });
  // Service managers tell every process; Redis is kept until its users are gone.
  stopping.addEventListener('abort', () => group.retire(), { once: true });
  try {
    const facts = await startAll({ ...context, release, group, stopping });
    log.info('ready', { url: facts.url, port: facts.port });
    const models = await modelsAt(facts.url, stopping);
    const seconds = (Date.now() - startedMs) / 1000;
    console.error(bannerLines({ ...facts, models, seconds }, styleFor(process.stderr.isTTY)).join('\n'));
    if (!stopping.aborted) await once(stopping, 'abort');
  } catch (error) {
    // A start that was broken off fails in one way or another; that is what was asked for.
    if (!stopping.aborted) fail(error);
  }
  if (stopping.aborted) log.info('stopping', { reason: String(stopping.reason) });
  const lift = limitDrain(context, group, killing);
  await release.run(log);
  lift();
  ignore();
}

/** Time beyond `graceMs` for a process to close its connections and to notice that its time is over, in ms. */
const MARGIN_MS = 5_000;

/**
 * Kills the group, and makes the exit code 1, once `graceMs` for the unfinished are over, or when `killing` says that somebody
 * will not wait. Returns what lifts the limit.
 */
function limitDrain({ config, log }: UpContext, group: ProcessGroup, killing: AbortSignal): () => void {
  const kill = (reason: string): void => {
    log.warn('killing what still runs', { reason });
    process.exitCode = 1;
    group.signal('SIGKILL');
  };
  const onDemand = (): void => kill(`a second ${String(killing.reason)}`);
  const late = setTimeout(() => kill('the time to finish is over'), config.graceMs + MARGIN_MS);
  if (killing.aborted) onDemand();
  killing.addEventListener('abort', onDemand, { once: true });
  return () => {
    clearTimeout(late);
    killing.removeEventListener('abort', onDemand);
  };
}

/** The models of the API; none when the API does not tell them, because it asks for keys. */
async function modelsAt(url: string, stopping: AbortSignal): Promise<ModelBody[]> {
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(MODELS_MS)]);
  return new WaggleClient({ url }).models({ signal }).catch(() => []);
}

function fail(error: unknown): void {
  console.error(error instanceof AppError ? `\n✖ ${error.message}\n` : error);
  process.exitCode = 1;
}
