import { AppError } from '../../shared/errors.js';

/**
 * Does a command's work. An error with a name is told on standard error, and as `{ "error": { "code", "message" } }`
 * on standard output with `--json`; the exit code is 1 then. Anything else goes on to the caller.
 */
export async function reportErrors(options: { json?: true }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    process.exitCode = 1;
    console.error(`✖ ${error.message}`);
    const { code, message } = error;
    if (options.json) console.log(JSON.stringify({ error: { code, message } }));
  }
}
