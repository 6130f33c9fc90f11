import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../shared/errors.js';
import { backoffMs } from '../../shared/process/backoff.js';
import type { Logger } from '../../shared/log/logger.js';
import { StartError } from './start-error.js';

/** A kind of process to keep running. */
export interface ProcessSpec<T> {
  /** As it is called in the log. */
  name: string;
  launch(): ChildProcess;
  /** Resolves once the process serves. Past the signal, the answer no longer matters. */
  ready(child: ChildProcess, gone: AbortSignal): Promise<T>;
  /** Asks the process to end in good order. */
  stop(child: ChildProcess): void;
  /** The message when it ends before it was ever ready. */
  advice(ended: string): string;
}

/** A process that ran this long was healthy: the next restart is quick again. */
const HEALTHY_MS = 30_000;
const RESTART_BACKOFF = { firstMs: 100, mostMs: 10_000 };

/**
 * One process that is started again whenever it ends without having been asked to: after a jittered delay that
 * doubles up to ten seconds while it keeps dying.
 */
export class KeptProcess<T> {
  readonly #stopping = new AbortController();
  #isAsked = false;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #serving: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly spec: ProcessSpec<T>,
    private readonly log: Logger,
  ) {}

  /** Starts it. Rejects with {@link StartError}, and does not try again, when it ends before it is ready. */
  async start(): Promise<T> {
    const run = this.#launch();
    // From here on, so that stop() waits for a process that is not ready yet.
    this.#ended = run.exited.then(() => undefined);
    const value = await run.ready;
    this.#ended = this.#keep(run.exited);
    return value;
  }

  /** Passes a signal on, while it runs. SIGHUP waits until it is ready: before it listens, that would end it. */
  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGHUP') void this.#serving.then(() => this.#child?.kill(signal)).catch(() => undefined);
    else this.#child?.kill(signal);
  }

  /** Starts it no more once it has ended: it may have been told to by whoever told us. */
  retire(): void {
    this.#stopping.abort();
  }

  /** Asks it to end, once, starts it no more, and resolves when it is gone. */
  async stop(): Promise<void> {
    this.retire();
    if (!this.#isAsked && this.#child) this.spec.stop(this.#child);
    this.#isAsked = true;
    await this.#ended;
  }

  #launch(): { ready: Promise<T>; exited: Promise<string> } {
    const gone = new AbortController();
    const { spec } = this;
    let exited: Promise<string>;
    let serving: Promise<T> | undefined;
    try {
      const child = spec.launch();
      this.#child = child;
      serving = spec.ready(child, gone.signal);
      exited = endOf(child);
    } catch (cause) {
      exited = Promise.resolve(messageOf(cause));
    }
    const failed = exited.then((ended) => {
      this.#child = undefined;
      gone.abort();
      throw new StartError(spec.advice(ended));
    });
    const ready = serving === undefined ? failed : Promise.race([serving, failed]);
    // Both are looked at later, or not at all when the other one came first.
    for (const promise of [failed, ready]) promise.catch(() => undefined);
    this.#serving = ready;
    return { ready, exited };
  }

  async #keep(firstExit: Promise<string>): Promise<void> {
    const { name } = this.spec;
    let exited = firstExit;
    for (let failures = 0; ; failures += 1) {
      const since = Date.now();
      const ended = await exited;
      if (this.#stopping.signal.aborted) return;
      if (Date.now() - since > HEALTHY_MS) failures = 0;
      const delayMs = delayAfter(failures);
      this.log.warn(`${name} ended unexpectedly, starting it again`, {
        ended,
        delay_ms: Math.round(delayMs),
      });
      await sleep(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
      const run = this.#launch();
      exited = run.exited;
      await run.ready.then(
        () => this.log.info(`${name} is back`),
        (error: unknown) => this.log.error(`${name} did not come back`, { error: messageOf(error) }),
      );
    }
  }
}

/** A delay in ms, doubling with each failure, up to half of it left to chance. */
export const delayAfter = (failures: number): number => backoffMs(failures + 1, RESTART_BACKOFF);

/** Resolves with how the process ended: a code, a signal, or why it could not be started. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
    child.once('error', (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
  });
}
