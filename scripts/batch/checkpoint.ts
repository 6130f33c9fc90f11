import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isRecord } from '../../shared/text/is-record.js';
import { lives, thisProcess } from '../setup/lock.mjs';
import type { Accuracy } from './accuracy.js';
import { BatchCommandError } from './batch-error.js';
import type { Tally } from './tally.js';

/** Progress of a run. */
export interface RunProgress {
  /** First row of the part that is being written. */
  partRow: number;
  /** Rows in the output file. */
  rows: number;
  /** Size of the output file up to its last whole row that is on disk. */
  outputBytes: number;
  tally: Tally;
  accuracy: Accuracy;
}

/** A run as its checkpoint file has it. */
export interface RunRecord {
  /** The process that writes it, and its start, by which the lock of `scripts/setup` knows it. */
  pid: number;
  started: string | undefined;
  /** Names the run's submissions: the same names after an interruption, others in another run. */
  runId: string;
  /** Which model the run asks, even if the server's default has changed since. */
  model: string;
  /** Rows of a part that are submitted together where each is a job: with other groups, rows that ran would run again. */
  jobsTogether: number;
  /** The input file and the options; others are another run. */
  identity: Readonly<Record<string, unknown>>;
  progress: RunProgress;
}

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
const SCHEMA = 3;
/** The members of a record, each with a value of its type. */
const PATTERN = {
  schema: SCHEMA,
  pid: 0,
  runId: '',
  model: '',
  jobsTogether: 0,
  identity: {},
  progress: FRESH,
};

/** A record as the text of its file. */
export const formatRunRecord = (record: RunRecord): string =>
  `${JSON.stringify({ ...record, schema: SCHEMA })}\n`;

/** Reads what {@link formatRunRecord} wrote; undefined for anything else. */
export function parseRunRecord(text: string): RunRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isWhole = isRecord(value) && value['schema'] === SCHEMA && isLike(value, PATTERN);
    return isWhole && ['string', 'undefined'].includes(typeof value['started'])
      ? (value as unknown as RunRecord)
      : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value is of the pattern's type and has its members, each of the member's type. */
function isLike(value: unknown, pattern: unknown): boolean {
  if (Array.isArray(pattern)) return Array.isArray(value);
  if (!isRecord(pattern)) return typeof value === typeof pattern;
  return isRecord(value) && Object.keys(pattern).every((name) => isLike(value[name], pattern[name]));
}

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
