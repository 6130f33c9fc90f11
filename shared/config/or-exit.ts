import { ConfigError } from '../errors.js';

/** Returns the configuration that `read` returns. Prints the problems of a bad one, without a stack trace, and ends the process. */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`✖ ${error.message}\n`);
    process.exit(1);
  }
}
