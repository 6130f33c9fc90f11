/**
 * What `jest --json` writes, as far as the closing line needs it.
 *
 * @typedef {{ numPassedTests: number, numFailedTests: number, numRuntimeErrorTestSuites: number,
 *   numPendingTests: number, numTodoTests: number }} JestResults
 */

/**
 * One line with the figures of a test run. A file that could not run at all counts as one failure.
 *
 * @param {JestResults} results
 */
export function closingLine(results) {
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = results.numPendingTests + results.numTodoTests;
  return `${results.numPassedTests} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}
