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

/** Options of a beginning; model and groups are those of a new run. */
export interface StartOptions extends Pick<RunRecord, 'model' | 'jobsTogether'> {
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
    /** Undefined where none is kept. */
    readonly path: string | undefined,
    private readonly record: RunRecord,
  ) {}

  /**
   * Takes up the run of the checkpoint, or begins a new one. Throws {@link BatchCommandError} when the checkpoint
   * belongs to another run, or to a run that is still at work.
   */
  static start(
    { input, out, options }: RunFiles,
    { model, jobsTogether, restart, force }: StartOptions,
  ): Checkpoint {
    const path = `${out}.checkpoint`;
    const identity = identityOf(input, options);
    const found = existsSync(path) ? parseRunRecord(readFileSync(path, 'utf8')) : undefined;
    if (found) checkIsIdle(path, found);
    const isNew = restart || !existsSync(path) || found?.progress.rows === 0;
    if (!isNew) checkIsSame(path, found, identity);
    const run = isNew ? undefined : found;
    if (!existsSync(path)) checkIsFree(out, force);
    if (run) checkIsThere(out, run.progress.outputBytes);
    const fresh = { runId: randomUUID(), model, jobsTogether, identity, progress: FRESH };
    const checkpoint = new Checkpoint(path, { ...(run ?? fresh), ...thisProcess() });
    checkpoint.save(checkpoint.record.progress);
    return checkpoint;
  }

  /** A run that cannot be taken up, since its input or its output comes and goes. `out`: its file, if it has one. */
  static none(
    out: string | undefined,
    { model, jobsTogether, force }: Omit<StartOptions, 'restart'>,
  ): Checkpoint {
    if (out !== undefined) checkIsFree(out, force);
    const run = { runId: randomUUID(), model, jobsTogether, identity: {}, progress: FRESH };
    return new Checkpoint(undefined, { ...run, ...thisProcess() });
  }

  get run(): Readonly<RunRecord> {
    return this.record;
  }

  /** Replaces the file as a whole: it is always either the old one or the new one. */
  save(progress: RunProgress): void {
    this.record.progress = progress;
    if (this.path === undefined) return;
    writeFileSync(`${this.path}.new`, formatRunRecord(this.record), { flush: true });
    renameSync(`${this.path}.new`, this.path);
  }

  /** The run is complete. */
  remove(): void {
    if (this.path !== undefined) rmSync(this.path, { force: true });
  }
}

function checkIsFree(out: string, force: boolean): void {
  if (force || !existsSync(out)) return;
  throw new BatchCommandError(`${out} is there already: name another --out, or replace it with --force`);
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
