import type { RuleViolation } from '../validation/ajv.js';

/** Invalid rows of one chunk by their number within it. */
export type RowErrors = Record<string, RuleViolation[]>;
