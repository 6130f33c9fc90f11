import { isRecord } from '../../shared/text/is-record.js';
import { type AccuracyState, isAccuracyState } from './accuracy.js';
import { isTallyState, type TallyState } from './tally.js';

/** Progress of a run. */
export interface RunProgress {
  /** First row of the part that is being written. */
  partRow: number;
  /** Rows in the output file. */
  rows: number;
  /** Size of the output file up to its last whole row that is on disk. */
  outputBytes: number;
  tally: TallyState;
  accuracy: AccuracyState;
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

const SCHEMA = 3;

/** A record as the text of its file. */
export const formatRunRecord = (record: RunRecord): string =>
  `${JSON.stringify({ schema: SCHEMA, ...record })}\n`;

/** Reads what {@link formatRunRecord} wrote; undefined for anything else. */
export function parseRunRecord(text: string): RunRecord | undefined {
  const { schema, pid, started, runId, model, jobsTogether, identity, progress } = parseObject(text);
  const isWhole =
    schema === SCHEMA &&
    typeof pid === 'number' &&
    (started === undefined || typeof started === 'string') &&
    typeof runId === 'string' &&
    typeof model === 'string' &&
    typeof jobsTogether === 'number' &&
    isRecord(identity) &&
    isProgress(progress);
  return isWhole ? { pid, started, runId, model, jobsTogether, identity, progress } : undefined;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}

const isProgress = (value: unknown): value is RunProgress =>
  isRecord(value) &&
  typeof value['partRow'] === 'number' &&
  typeof value['rows'] === 'number' &&
  typeof value['outputBytes'] === 'number' &&
  isTallyState(value['tally']) &&
  isAccuracyState(value['accuracy']);
