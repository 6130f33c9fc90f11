import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { pause } from '../../shared/process/pause.js';

const RESTART_MS = 100;
const SERVE_MS = 60_000;

/** A process that is started again whenever it ends, as a supervisor would. */
export class Kept {
  readonly name: string;
  readonly #launch: () => ChildProcess;
  readonly #ready: (child: ChildProcess) => Promise<unknown>;
  #child: ChildProcess | undefined;
  #isClosing = false;
  #serving: Promise<void>;

  /** `ready` resolves when a process serves. */
  constructor(name: string, launch: () => ChildProcess, ready: (child: ChildProcess) => Promise<unknown>) {
    this.name = name;
    this.#launch = launch;
    this.#ready = ready;
    this.#serving = this.#start();
  }

  /** The process of now. */
  get child(): ChildProcess | undefined {
    return this.#child;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when the process of now serves, whatever became of those before. */
  async serving(): Promise<void> {
    const served = new AbortController();
    const late = pause(SERVE_MS, served.signal).then(
      () => Promise.reject(new Error(`${this.name} does not serve within ${SERVE_MS} ms`)),
      () => undefined,
    );
    for (let seen; seen !== this.#serving; ) {
      seen = this.#serving;
      await Promise.race([seen, late]);
    }
    served.abort();
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it, without warning or as an operator would; another takes its place. */
  async kill(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  /** Ends it, and starts no other. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.kill();
  }

  /** Resolves once the process has ended and another was started. */
  async #replace(child: ChildProcess): Promise<void> {
    await once(child, 'exit');
    await pause(RESTART_MS);
    if (!this.#isClosing) this.#serving = this.#start();
  }

  async #start(): Promise<void> {
    const child = this.#launch();
    this.#child = child;
    await Promise.race([this.#ready(child), this.#replace(child)]);
  }
}
