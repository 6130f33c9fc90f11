import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isAlive } from '../up/processes.js';
import { BatchCommandError } from './batch-error.js';
import { formatRunRecord, parseRunRecord, type RunProgress, type RunRecord } from './run-record.js';

/** A run shows that it is alive so often; one that was silent for {@link SILENT_MS} is dead, whoever has its number. */
const ALIVE_EVERY_MS = 5_000;
const SILENT_MS = 30_000;

/** What a run reads and writes. */
export interface RunFiles {
  input: string;
  out: string;
  /** Whatever decides what is sent and what is written. */
  options: Readonly<Record<string, unknown>>;
}

/** How to begin. */
export interface StartOptions {
  /** The model of a new run. */
  model: string;
  /** Begin anew whatever the checkpoint says. */
  restart: boolean;
  /** Replace an output file that no checkpoint tells of. */
  force: boolean;
}

const FRESH: RunProgress = {
  partRow: 0,
  rows: 0,
  outputBytes: 0,
  tally: { succeeded: 0, failed: 0, failures: [] },
  accuracy: { rows: 0, squared: 0, absolute: 0 },
};

/** The file beside an output file that says how far its run has come. It goes when the run is complete. */
export class Checkpoint {
  #alive: NodeJS.Timeout | undefined;

  private constructor(
    readonly path: string,
    private readonly record: RunRecord,
  ) {}

  /**
   * Takes up the run that the checkpoint tells of, or begins a new one. Throws {@link BatchCommandError} when the
   * checkpoint is another run's, or of a run that is still at work.
   */
  static start({ input, out, options }: RunFiles, { model, restart, force }: StartOptions): Checkpoint {
    const path = `${out}.checkpoint`;
    const identity = identityOf(input, options);
    const found = existsSync(path) ? parseRunRecord(readFileSync(path, 'utf8')) : undefined;
    if (found) checkIsIdle(path, found.pid);
    const isNew = restart || !existsSync(path) || found?.progress.rows === 0;
    if (!isNew) checkIsSame(path, found, identity);
    const run = isNew ? undefined : found;
    if (!existsSync(path) && !force && existsSync(out)) {
      throw new BatchCommandError(`${out} is there already: name another --out, or replace it with --force`);
    }
    if (run) checkIsThere(out, run.progress.outputBytes);
    const fresh = { runId: randomUUID(), model, identity, progress: FRESH };
    const checkpoint = new Checkpoint(path, { ...(run ?? fresh), pid: process.pid });
    checkpoint.save(checkpoint.record.progress);
    checkpoint.#alive = setInterval(() => utimesSync(path, new Date(), new Date()), ALIVE_EVERY_MS).unref();
    return checkpoint;
  }

  get run(): Readonly<RunRecord> {
    return this.record;
  }

  /** Replaces the file as a whole: it is always either the old one or the new one. */
  save(progress: RunProgress): void {
    this.record.progress = progress;
    writeFileSync(`${this.path}.new`, formatRunRecord(this.record), { flush: true });
    renameSync(`${this.path}.new`, this.path);
  }

  /** Lets go of the run, which can be taken up later. */
  leave(): void {
    clearInterval(this.#alive);
  }

  /** The run is complete. */
  remove(): void {
    this.leave();
    rmSync(this.path, { force: true });
  }
}

function identityOf(input: string, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { size, mtimeMs } = statSync(input);
  const hash = createHash('sha256').update(JSON.stringify(options)).digest('hex');
  return { input: resolve(input), size, mtimeMs, options: hash };
}

function checkIsIdle(path: string, pid: number): void {
  if (pid === process.pid || !isAlive(pid) || Date.now() - statSync(path).mtimeMs > SILENT_MS) return;
  throw new BatchCommandError(`process ${pid} is at work on ${path}: let it finish, or name another --out`);
}

function checkIsSame(path: string, found: RunRecord | undefined, identity: Record<string, unknown>): void {
  if (!found) {
    throw new BatchCommandError(
      `${path} is no checkpoint of this version of waggle: begin anew with --restart`,
    );
  }
  const differs = Object.keys(identity).filter((name) => identity[name] !== found.identity[name]);
  if (differs.length === 0) return;
  const what = differs.includes('options') ? 'other options' : 'another input file, or it has changed since';
  throw new BatchCommandError(
    `${path} is of a run with ${what}: repeat its command to go on with it, or begin anew with --restart`,
  );
}

function checkIsThere(out: string, bytes: number): void {
  const size = existsSync(out) ? statSync(out).size : 0;
  if (size >= bytes) return;
  throw new BatchCommandError(
    `${out} has ${size} bytes where its checkpoint counts ${bytes}: put it back, or begin anew with --restart`,
  );
}
