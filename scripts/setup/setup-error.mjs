/** The step that a person has to take before set-up can go on. Shown without a stack. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/**
 * Ends a command: a {@link SetupError} is a message for a person, anything else is a fault and keeps its stack.
 *
 * @param {unknown} error
 */
export function reportAndFail(error) {
  console.error(error instanceof SetupError ? `\n${error.message}\n` : error);
  process.exitCode = 1;
}

/**
 * The first line of what an error says.
 *
 * @param {unknown} error
 */
export const firstLine = (error) =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];
