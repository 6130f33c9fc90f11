import type { ValidateFunction } from 'ajv';
import { isRecord } from '../../shared/text/is-record.js';
import type { Job } from '../../shared/jobs/job.js';
import { violationsOf } from '../../shared/validation/ajv.js';
import { fingerprintOf } from '../http/idempotency-key.js';
import { ProblemError, validationFailed } from '../http/problem.js';
import { modelNamed, type ServedModel, type ServedModels } from '../models/served-models.js';
import type { Priority } from '../../shared/contract/states.js';
import { LONGEST_DELAY_MS, submissionDefaults, type Submitted } from '../models/submission-schemas.js';

/** A job that a client asks for, checked and complete. */
export interface Submission {
  model: ServedModel;
  input: Record<string, unknown>;
  requestId: string | undefined;
  timeoutMs: number;
  expiresInMs: number | undefined;
  priority: Priority | undefined;
  /** From its acceptance to its earliest start. */
  delayMs: number;
  maxAttempts: number;
  /** The job that is to be run again; the new one belongs to the same owner. */
  replayOf?: Job;
  /** Equal for equal requests, flat or nested and in any order of members. */
  fingerprint(): string;
}

/** Checks the body of `POST /jobs`, nested or flat. Throws a 422 problem of all broken rules, or 404 for the model. */
export function parseSubmission(models: ServedModels, body: unknown): Submission {
  const members = isRecord(body) ? body : {};
  if (isFlat(models, members)) {
    check(models.default.validateFlat, body);
    return fromFlat(models, members);
  }
  const { model, validate } = checkFor(models, members['model']);
  check(validate, body);
  return toSubmission(models, model, members as unknown as Submitted);
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
 * The submission that runs a job again, without its queue deadline. Throws a 404 problem when its model is no longer
 * served, and 422 when what it was submitted with is not valid any more.
 */
export function resubmit(models: ServedModels, job: Job): Submission {
  const { model, validate } = checkFor(models, job.model);
  if (!job.input) throw new ProblemError('input-gone', `the input of job ${job.id} is not kept any more`);
  const asked: Submitted = {
    model: job.model,
    input: job.input,
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

/** Throws a 422 problem for a time too far ahead, and where both ways to say it are used. */
function delayOf({ delay_ms: delayMs, not_before: notBefore }: Submitted): number {
  if (notBefore === undefined) return delayMs ?? 0;
  if (delayMs !== undefined) {
    throw validationFailed([{ pointer: '#/not_before', detail: 'must not stand beside delay_ms' }]);
  }
  const aheadMs = Date.parse(notBefore) - Date.now();
  if (aheadMs > LONGEST_DELAY_MS) {
    throw validationFailed([{ pointer: '#/not_before', detail: 'must be at most 30 days ahead' }]);
  }
  return Math.max(0, aheadMs);
}

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

function check(validate: ValidateFunction, body: unknown): void {
  if (!validate(body)) throw validationFailed(violationsOf(validate));
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
    delayMs: delayOf(asked),
    maxAttempts: asked.max_attempts ?? unlessAsked.attempts,
    fingerprint: () => fingerprintOf('POST /jobs', asked),
  };
}
