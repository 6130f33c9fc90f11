import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { lives, thisProcess } from '../setup/lock.mjs';
import { BatchCommandError } from './batch-error.js';
import { formatRunRecord, parseRunRecord, type RunProgress, type RunRecord } from './run-record.js';

/** The files of a run, and its options. */
export interface RunFiles {
  input: string;
  out: string;
  /** Every option that changes the rows sent or the file written. */
  options: Readonly<Record<string, unknown>>;
}

/** Options of a beginning. */
export interface StartOptions {
  /** The model of a new run. */
  model: string;
  /** Begin anew in spite of a checkpoint. */
  restart: boolean;
  /** Replace an output file that has no checkpoint. */
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
  private constructor(
    readonly path: string,
    private readonly record: RunRecord,
  ) {}

  /**
   * Takes up the run of the checkpoint, or begins a new one. Throws {@link BatchCommandError} when the checkpoint
   * belongs to another run, or to a run that is still at work.
   */
  static start({ input, out, options }: RunFiles, { model, restart, force }: StartOptions): Checkpoint {
    const path = `${out}.checkpoint`;
    const identity = identityOf(input, options);
    const found = existsSync(path) ? parseRunRecord(readFileSync(path, 'utf8')) : undefined;
    if (found) checkIsIdle(path, found);
    const isNew = restart || !existsSync(path) || found?.progress.rows === 0;
    if (!isNew) checkIsSame(path, found, identity);
    const run = isNew ? undefined : found;
    if (!existsSync(path) && !force && existsSync(out)) {
      throw new BatchCommandError(`${out} is there already: name another --out, or replace it with --force`);
    }
    if (run) checkIsThere(out, run.progress.outputBytes);
    const fresh = { runId: randomUUID(), model, identity, progress: FRESH };
    const checkpoint = new Checkpoint(path, { ...(run ?? fresh), ...thisProcess() });
    checkpoint.save(checkpoint.record.progress);
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

  /** The run is complete. */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function identityOf(input: string, options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { size, mtimeMs } = statSync(input);
  const hash = createHash('sha256').update(JSON.stringify(options)).digest('hex');
  return { input: resolve(input), size, mtimeMs, options: hash };
}

function checkIsIdle(path: string, found: RunRecord): void {
  if (found.pid === process.pid || !lives(found)) return;
  throw new BatchCommandError(
    `process ${found.pid} is at work on ${path}: let it finish, or name another --out`,
  );
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
