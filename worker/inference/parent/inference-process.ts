import { once } from 'node:events';
import { messageOf } from '../../../shared/errors.js';
import type { Logger } from '../../../shared/log/logger.js';
import type { Columns } from '../../../shared/model/columns.js';
import { backOff } from '../../../shared/process/backoff.js';
import type { Prediction } from '../child/model-runtime.js';
import { type EngineChoice, engineFor, type EngineReport, type PassedOver } from '../engine-names.js';
import { InferenceLostError } from '../inference-errors.js';
import { InferenceChild } from './inference-child.js';
import type { ModelFiles } from './model-files.js';

/** The program and the engine of inference processes, and who is told of them. */
export interface InferenceOptions {
  /** Program of the process; undefined for `child/main.ts`. */
  entry?: string | URL | undefined;
  engine: EngineChoice;
  gpuMemoryMb?: number | undefined;
  /** Rows of a full micro-batch, for which a model is warmed up and its engine chosen; 64 unless given. */
  maxBatch?: number | undefined;
  log: Logger;
  /** A process that has not finished loading after this time is killed. @default 120000, and 900000 on `gpu` */
  startTimeoutMs?: number;
  /** Is called once when the process died and could not be started again. */
  onGivenUp?: ((reason: string) => void) | undefined;
}

const START_TIMEOUT_MS = 120_000;
/**
 * The same where `gpu` is demanded, whose TensorFlow compiles its kernels for a GPU that is newer than itself. Those of
 * TensorFlow 2.15.1 take about 10 minutes of a core, by a quarter of them that NVIDIA's compiler made in 148 s; the startup probe in
 * `compose/kubernetes` allows as much as this.
 */
const GPU_START_TIMEOUT_MS = 900_000;
/** Starts that fail one after the other before the process is given up, and the pauses between them, in ms. */
const FAILED_STARTS = 5;
const START_BACKOFF = { firstMs: 200, mostMs: 5_000 };

const startTimeoutOf = (engine: EngineChoice): number =>
  engine === 'gpu' ? GPU_START_TIMEOUT_MS : START_TIMEOUT_MS;

/** Keeps one process alive that runs one version of one model, and replaces the process at once when it dies. */
export class InferenceProcess {
  #child: InferenceChild | undefined;
  #ready: Promise<InferenceChild>;
  #isReady = false;
  #report: EngineReport | undefined;
  readonly #ended = new AbortController();

  private constructor(
    private readonly files: ModelFiles,
    private readonly options: InferenceOptions,
  ) {
    this.#ready = this.#launch(engineFor(files.manifest, options.engine));
  }

  /** Starts a process and waits until its model is warm. Rejects when it cannot serve; nothing is left running then. */
  static async start(files: ModelFiles, options: InferenceOptions): Promise<InferenceProcess> {
    const inference = new InferenceProcess(files, options);
    await inference.#ready;
    return inference;
  }

  get report(): EngineReport {
    if (!this.#report) throw new Error('an inference process has its report once it has started');
    return this.#report;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Resolves when a process is there to predict, or when `leaving` is aborted meanwhile: a start may take long. Rejects with
   * {@link InferenceLostError} when none will be.
   */
  async ready(leaving: AbortSignal = new AbortController().signal): Promise<void> {
    if (this.#isReady || leaving.aborted) return;
    const over = new AbortController();
    try {
      await Promise.race([this.#ready, once(leaving, 'abort', { signal: over.signal })]);
    } finally {
      over.abort();
    }
  }

  /** Answers one micro-batch. Rejects with ModelThrewError, or with {@link InferenceLostError} when the process is lost. */
  async predict(columns: Columns): Promise<Prediction> {
    const child = await this.#ready;
    return child.predict(columns);
  }

  /** Kills the process that runs now; its predictions reject and a new process starts. */
  kill(reason: string): void {
    this.#child?.kill(reason);
  }

  /** Ends the process for good. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#child?.end();
  }

  /**
   * A fresh process, watched from then on. Under `auto` an engine that crashes it while loading is left out, and a process
   * that has loaded more engines than the one that it took is replaced by one that loads this alone.
   */
  async #launch(choice: EngineChoice): Promise<InferenceChild> {
    const passedOver: PassedOver[] = [];
    for (let engine = choice; ; ) {
      const child = new InferenceChild(
        this.options.entry ?? new URL('../child/main.js', import.meta.url),
        this.options.log,
      );
      this.#child = child;
      const { gpuMemoryMb, maxBatch = 64, log, startTimeoutMs = startTimeoutOf(engine) } = this.options;
      const timer = setTimeout(() => child.kill('it took too long to load'), startTimeoutMs);
      try {
        const report = await child.start({ files: this.files, engine, passedOver, gpuMemoryMb, maxBatch });
        // The report of the first start stands: later starts demand its engine, so they pass none over.
        this.#report ??= report;
        if (report.holdsOthers) {
          engine = report.engine;
          await child.end();
          continue;
        }
        if (report.plainBecause !== undefined) {
          log.info('kernels are not replayed', {
            model: this.files.manifest.name,
            why: report.plainBecause,
          });
        }
        child.onLost = (loss) => this.#replace(loss);
        this.#isReady = true;
        return child;
      } catch (error) {
        await child.end();
        const tried = child.tried;
        const mayTryOthers =
          error instanceof InferenceLostError && engine === 'auto' && !this.#ended.signal.aborted;
        if (!mayTryOthers || tried === undefined || tried === 'wasm') throw error;
        passedOver.push({ engine: tried, why: `it took the process down (${error.message})` });
      } finally {
        clearTimeout(timer);
      }
    }
  }

  #replace(loss: InferenceLostError): void {
    this.#isReady = false;
    if (this.#ended.signal.aborted) return;
    this.options.log.warn('inference process gone, starting another', { reason: loss.message });
    this.#ready = this.#relaunch();
    // The next prediction rejects when the start fails; until then no caller may be waiting for it.
    this.#ready.catch(() => undefined);
  }

  async #relaunch(): Promise<InferenceChild> {
    const engine = this.report.engine;
    for (let failures = 0; ; ) {
      try {
        if (this.#ended.signal.aborted) throw new InferenceLostError('ended', 'it was let go');
        return await this.#launch(engine);
      } catch (error) {
        failures += 1;
        if (this.#ended.signal.aborted || failures === FAILED_STARTS) throw this.#giveUp(error);
        this.options.log.error('inference process does not start', { error: messageOf(error), failures });
        await backOff(failures, START_BACKOFF, this.#ended.signal);
      }
    }
  }

  #giveUp(error: unknown): InferenceLostError {
    if (!this.#ended.signal.aborted) {
      this.#ended.abort();
      this.options.onGivenUp?.(messageOf(error));
    }
    return new InferenceLostError('ended', messageOf(error));
  }
}
