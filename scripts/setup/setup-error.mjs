/** The step that a person has to take before set-up can go on. Shown without a stack. */
export class SetupError extends Error {
  /** @override */
  name = 'SetupError';
}

/**
 * Does a command's work. A {@link SetupError} is a message for a person, anything else is a fault and keeps its stack; the exit
 * code is 1 then.
 *
 * @param {() => Promise<void>} work
 */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    console.error(error instanceof SetupError ? `\n${error.message}\n` : error);
    process.exitCode = 1;
  }
}

/**
 * The first line of what an error says.
 *
 * @param {unknown} error
 */
export const firstLine = (error) =>
  (error instanceof Error ? error.message : String(error)).trim().split('\n', 1)[0];
