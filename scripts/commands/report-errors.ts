import { AppError } from '../../shared/errors.js';
import { systemProblem } from '../../shared/system-error.js';

/**
 * Does a command's work. An error with a name, or the system's about a file, is told on standard error, in words that
 * `explain` may add to, and as `{ "error": { "code", "message" } }` with `--json`, by `print`, which is standard output
 * where nothing else is; the exit code is 1 then. Anything else goes on to the caller.
 */
export async function reportErrors(
  options: { json?: true | undefined; print?: ((line: string) => void) | undefined },
  work: () => Promise<void>,
  explain: (error: AppError) => string = ({ message }) => message,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    const isOurs = error instanceof AppError;
    const problem = isOurs ? error.message : systemProblem(error);
    if (problem === undefined) throw error;
    process.exitCode = 1;
    console.error(`✖ ${isOurs ? explain(error) : problem}`);
    const code = isOurs ? error.code : 'system_refused';
    if (options.json) (options.print ?? console.log)(JSON.stringify({ error: { code, message: problem } }));
  }
}
