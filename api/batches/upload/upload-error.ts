import type { RuleViolation } from '../../../shared/validation/ajv.js';

/** Why an upload as a whole cannot be taken; each code has one answer in HTTP. */
export type UploadErrorCode = 'malformed' | 'stalled' | 'too_large' | 'invalid' | 'too_many_invalid';

/** An upload that cannot be taken as a whole. A single bad row is no such error. */
export class UploadError extends Error {
  override name = 'UploadError';
  constructor(
    readonly code: UploadErrorCode,
    message: string,
    readonly violations: readonly RuleViolation[] = [],
  ) {
    super(message);
  }
}
