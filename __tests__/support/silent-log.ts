import type { Logger } from '../../shared/log/logger.js';

/** A logger that says nothing. */
export const silentLog: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  isEnabled: () => false,
};
