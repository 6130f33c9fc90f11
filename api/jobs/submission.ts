import type { ValidateFunction } from 'ajv';
import { isRecord } from '../../shared/text/is-record.js';
import type { Job } from '../../shared/jobs/job.js';
import type { FieldProblem } from '../../shared/contract/problem.js';
import {
  ANSWER_LIMITS,
  type ListLimits,
  listWithin,
  ROW_LIMITS,
  violationsOf,
} from '../../shared/validation/ajv.js';
import { fingerprintOf } from '../http/idempotency-key.js';
import { type JsonBody, tooLarge } from '../http/read-json.js';
import { ProblemError, validationFailed } from '../http/problem.js';
import { unixMsOf } from '../http/rfc3339.js';
import { modelNamed, type ServedModel, type ServedModels } from '../models/served-models.js';
import type { Priority } from '../../shared/contract/states.js';
import { LONGEST_DELAY_MS, MANY, submissionDefaults, type Submitted } from '../models/submission-schemas.js';

/** A job that a client asks for, checked and complete. */
export interface Submission {
  model: ServedModel;
  input: Record<string, unknown>;
  requestId: string | undefined;
  timeoutMs: number;
  expiresInMs: number | undefined;
  priority: Priority | undefined;
  /** From its acceptance to its earliest start, where that is no time of its own. */
  delayMs: number | undefined;
  notBeforeMs: number | undefined;
  maxAttempts: number;
  /** The job that is to be run again; the new one belongs to the same owner. */
  replayOf?: Job;
  /** Equal for equal requests, flat or nested and in any order of members. */
  fingerprint(): string;
}

/**
 * Checks the body of one job, nested or flat. Throws a 422 problem of all broken rules within `limits`, or 404 for the
 * model.
 */
export function parseSubmission(
  models: ServedModels,
  body: unknown,
  limits: Readonly<ListLimits> = ANSWER_LIMITS,
): Submission {
  const members = isRecord(body) ? body : {};
  if (isFlat(models, members)) {
    check(models.default.validateFlat, body, [], limits);
    return fromFlat(models, members);
  }
  const { model, validate } = checkFor(models, members['model']);
  check(validate, body, brokenStart(members), limits);
  return toSubmission(models, model, members as unknown as Submitted);
}

/** Whether a body of `POST /jobs` is one of many jobs. */
export const isMany = (body: unknown): body is Record<string, unknown> =>
  isRecord(body) && Object.hasOwn(body, 'jobs');

/**
 * The entries of a body of many jobs, unchecked. Throws a 413 problem for a body that is larger than {@link MANY} allows, and
 * 422 for one that is no list of 1 to 256 entries.
 */
export function entriesOf(
  { default: { validateMany } }: ServedModels,
  { bytes, value }: JsonBody,
): unknown[] {
  if (bytes.length > MANY.bodyBytes) throw tooLarge('a body of many jobs', MANY.bodyBytes);
  check(validateMany, value);
  return (value as { jobs: unknown[] }).jobs;
}

/**
 * Checks each entry by itself: a submission, or the problem with which it would be answered alone. `limitBytes`: the largest
 * input of a job, where the body is large enough for a larger one.
 */
export const parseEntries = (
  models: ServedModels,
  entries: readonly unknown[],
  limitBytes: number | undefined,
): (Submission | ProblemError)[] =>
  entries.map((entry) => {
    try {
      const submission = parseSubmission(models, entry, ROW_LIMITS);
      if (limitBytes === undefined) return submission;
      const ownBytes = limitBytes + submission.model.tensorBytes;
      return bytesOf(submission.input) <= ownBytes ? submission : tooLarge('the input of one job', ownBytes);
    } catch (error) {
      if (error instanceof ProblemError) return error;
      throw error;
    }
  });

/**
 * The problem of a request of which every entry has one: a 422 that lists them, or the first of those that may be gone
 * the next time.
 */
export function noneAccepted(problems: readonly ProblemError[]): ProblemError {
  const passing = problems.find(({ extras }) => extras.retryAfterSeconds !== undefined);
  if (passing) return passing;
  const broken = problems.flatMap(({ extras, message }, entry) =>
    (extras.errors ?? [{ pointer: '#', detail: message }]).map(({ pointer = '#', detail }) => ({
      pointer: `#/jobs/${entry}${pointer.slice(1)}`,
      detail,
    })),
  );
  return validationFailed(listWithin(broken, (one) => one, '#/jobs'));
}

/** The submission that a checked flat body means. */
export function fromFlat(models: ServedModels, body: Record<string, unknown>): Submission {
  const { request_id: requestId, ...input } = body;
  return toSubmission(models, models.default, {
    input,
    request_id: typeof requestId === 'string' ? requestId : undefined,
  });
}

/**
 * The submission that runs a job again with its input, without its queue deadline. Throws a 404 problem when its model is no longer
 * served, and 422 when what it was submitted with is not valid any more.
 */
export function resubmit(models: ServedModels, job: Job, inputJson: string | undefined): Submission {
  const { model, validate } = checkFor(models, job.model);
  if (inputJson === undefined) {
    throw new ProblemError('input-gone', `the input of job ${job.id} is not kept any more`);
  }
  const asked: Submitted = {
    model: job.model,
    input: JSON.parse(inputJson) as Record<string, unknown>,
    timeout_ms: Math.min(job.timeoutMs, models.most.timeoutMs),
    max_attempts: Math.min(job.maxAttempts, models.most.attempts),
    request_id: job.requestId,
    priority: job.priority,
  };
  check(validate, asked);
  return {
    ...toSubmission(models, model, asked),
    replayOf: job,
    fingerprint: () => fingerprintOf('POST /jobs/{id}/replay', { id: job.id }),
  };
}

/** The rule for a start that a body breaks, of those that its schema does not say. */
function brokenStart({ delay_ms: delayMs, not_before: notBefore }: Record<string, unknown>): FieldProblem[] {
  if (typeof notBefore !== 'string') return [];
  const pointer = '#/not_before';
  if (delayMs !== undefined) return [{ pointer, detail: 'must not stand beside delay_ms' }];
  const startsMs = unixMsOf(notBefore);
  // The schema's format lets some texts through that are no RFC 3339, such as an offset without minutes.
  if (Number.isNaN(startsMs)) return [{ pointer, detail: 'must match format "date-time"' }];
  if (startsMs - Date.now() <= LONGEST_DELAY_MS) return [];
  return [{ pointer, detail: 'must be at most 30 days ahead' }];
}

const bytesOf = (input: Record<string, unknown>): number => Buffer.byteLength(JSON.stringify(input));

/** Flat is a body without `input` that has at least one member of the default model's input. */
function isFlat(models: ServedModels, members: Record<string, unknown>): boolean {
  if ('input' in members) return false;
  const { properties } = models.default.manifest.input;
  return Object.keys(members).some((name) => Object.hasOwn(properties, name));
}

function checkFor(models: ServedModels, name: unknown): { model: ServedModel; validate: ValidateFunction } {
  if (name === undefined) return { model: models.default, validate: models.default.validateUnnamed };
  if (typeof name !== 'string') return { model: models.default, validate: models.default.validateNamed };
  const model = modelNamed(models, name);
  return { model, validate: model.validateNamed };
}

/** Throws a 422 problem of all broken rules; `more`: of members of which the schema says nothing against. */
function check(
  validate: ValidateFunction,
  body: unknown,
  more: readonly FieldProblem[] = [],
  limits: Readonly<ListLimits> = ANSWER_LIMITS,
): void {
  const broken = validate(body) ? [] : violationsOf(validate, '#', limits);
  const named = new Set(broken.map(({ pointer }) => pointer));
  const all = [...more.filter(({ pointer }) => !named.has(pointer)), ...broken];
  if (all.length > 0) throw validationFailed(all);
}

function toSubmission({ most }: ServedModels, model: ServedModel, asked: Submitted): Submission {
  const unlessAsked = submissionDefaults(most);
  return {
    model,
    input: asked.input,
    requestId: asked.request_id,
    timeoutMs: asked.timeout_ms ?? unlessAsked.timeoutMs,
    expiresInMs: asked.expires_in_ms,
    priority: asked.priority,
    delayMs: asked.delay_ms,
    notBeforeMs: asked.not_before === undefined ? undefined : unixMsOf(asked.not_before),
    maxAttempts: asked.max_attempts ?? unlessAsked.attempts,
    fingerprint: () => fingerprintOf('POST /jobs', asked),
  };
}
