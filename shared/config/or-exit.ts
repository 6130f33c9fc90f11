import { ConfigError } from '../errors.js';

/** What `read` gives. A configuration that is wrong ends the process with its problems, and without a stack trace. */
export function configOrExit<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`✖ ${error.message}\n`);
    process.exit(1);
  }
}
