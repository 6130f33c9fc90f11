import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from '../../../shared/log/logger.js';
import type { Columns } from '../../../shared/model/columns.js';
import type { Prediction } from '../child/model-runtime.js';
import type { EngineName, EngineReport } from '../engine-names.js';
import { encodeFrame, type Frame, type FrameArray, receiveFrames } from '../frames.js';
import { type InferenceLoss, InferenceLostError, ModelThrewError } from '../inference-errors.js';
import { type FromInference, SOCKET_FD, type StartRequest, type ToInference } from '../protocol.js';

/** An inference process that was asked to end is killed after this time, in ms. */
const END_MS = 500;

/** Lines on standard error may arrive for this time after the exit of the process, in ms. */
const LAST_WORDS_MS = 100;

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** One operating-system process that runs one model, from its first moment to its exit. */
export class InferenceChild {
  /** Resolves when the process is gone, with its exit code, signal or error. */
  readonly exited: Promise<string>;
  /** Is called once when the process will answer no more, before its predictions reject. */
  onLost: ((loss: InferenceLostError) => void) | undefined;
  /** The engine that was tried last: the one to blame when the process dies while it starts. */
  tried: EngineName | undefined;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  readonly #predictions = new Map<number, Waiter<Prediction>>();
  #starting: Waiter<EngineReport> | undefined;
  #isReady = false;
  /** The first line on standard error with the word error: a process that dies while it starts gives its reason there. */
  #complaint: string | undefined;
  #lastId = 0;
  /** Why the process is gone, or going; the first reason stands. */
  #loss: InferenceLostError | undefined;

  /** @param entry program of the process: `main.js` of this folder, or a test's own that serves more layers. */
  constructor(entry: string | URL, log: Logger) {
    const program = entry instanceof URL ? fileURLToPath(entry) : entry;
    this.#process = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    this.#socket = this.#process.stdio[SOCKET_FD] as Socket;
    receiveFrames<FromInference>(
      this.#socket,
      (frame) => this.#receive(frame),
      ({ message }) => this.kill(message, 'crashed'),
    );
    this.exited = new Promise<string>((resolve) => {
      this.#process.once('exit', (code, signal) => resolve(signal ?? `code ${code}`));
      this.#process.once('error', (error) => {
        if (this.#process.pid === undefined) resolve(error.message);
      });
    });
    void this.exited.then(async (how) => this.#lose('crashed', await this.#endedHow(how)));
    this.#pipeToLog(log);
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Loads the model. Rejects with the reason when it cannot serve, or with {@link InferenceLostError}. */
  start(request: StartRequest): Promise<EngineReport> {
    return new Promise((resolve, reject) => {
      this.#starting = { resolve, reject };
      const { files, ...rest } = request;
      const { weights, ...described } = files;
      this.#send({ type: 'start', request: { ...rest, files: described } }, [weights]);
    });
  }

  /** Answers one micro-batch. Rejects with {@link ModelThrewError} or {@link InferenceLostError}. */
  predict(columns: Columns): Promise<Prediction> {
    if (this.#loss) return Promise.reject(this.#loss);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#send({ type: 'predict', id, rows: columns.rows }, columns.arrays);
      this.#predictions.set(id, { resolve, reject });
    });
  }

  /** Ends the process at once, whatever it does. */
  kill(reason: string, loss: InferenceLoss = 'killed'): void {
    this.#lose(loss, reason);
    this.#process.kill('SIGKILL');
  }

  /** Lets the process go; kills it when it does not leave soon. Resolves when it is gone. */
  async end(): Promise<void> {
    this.#lose('ended', 'it was let go');
    this.#socket.destroy();
    const left = await Promise.race([this.exited, sleep(END_MS, undefined, { ref: false })]);
    if (left === undefined) this.#process.kill('SIGKILL');
    await this.exited;
  }

  #send(message: ToInference, arrays: readonly FrameArray[]): void {
    // A message to a process that is gone is answered by its exit.
    this.#socket.write(encodeFrame(message, arrays));
  }

  #receive({ message, arrays }: Frame<FromInference>): void {
    switch (message.type) {
      case 'trying':
        this.tried = message.engine;
        return;
      case 'ready':
        this.#isReady = true;
        this.#starting?.resolve(message.report);
        return;
      case 'failed':
        this.#starting?.reject(new Error(message.message));
        return;
      case 'predicted':
        this.#take(message.id)?.resolve({
          outputs: arrays as Float32Array[],
          predictMs: message.predictMs,
          numTensors: message.numTensors,
          faults: message.faults,
        });
        return;
      case 'threw':
        this.#take(message.id)?.reject(new ModelThrewError(message.message));
    }
  }

  #take(id: number): Waiter<Prediction> | undefined {
    const waiter = this.#predictions.get(id);
    this.#predictions.delete(id);
    return waiter;
  }

  #lose(loss: InferenceLoss, detail: string): void {
    if (this.#loss) return;
    this.#loss = new InferenceLostError(loss, detail);
    this.onLost?.(this.#loss);
    this.#starting?.reject(this.#loss);
    for (const waiter of this.#predictions.values()) waiter.reject(this.#loss);
    this.#predictions.clear();
  }

  /** Keeps output of libraries apart from the worker's own log lines. While engines are tried, they print much. */
  #pipeToLog(log: Logger): void {
    const { stdout, stderr } = this.#process;
    if (stdout) createInterface(stdout).on('line', (line) => log.debug('inference output', () => ({ line })));
    if (!stderr) return;
    createInterface(stderr).on('line', (line) => {
      if (/error/i.test(line)) this.#complaint ??= line;
      if (this.#isReady) log.warn('inference output', { line });
      else log.debug('inference output', () => ({ line }));
    });
  }

  /** The end of the process, with the line of its error when it ended before it served. */
  async #endedHow(how: string): Promise<string> {
    const { stderr } = this.#process;
    if (this.#isReady || !stderr) return how;
    const said = stderr.closed || once(stderr, 'close');
    await Promise.race([said, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    return this.#complaint === undefined ? how : `${how}: ${this.#complaint}`;
  }
}
