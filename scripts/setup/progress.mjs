/**
 * Tells a person on standard error what takes long: one line a step on a terminal, a line at its start and one at
 * its end elsewhere. Steps that find nothing to do print nothing.
 *
 * @template T
 * @param {string} label what is going on, such as "Installing npm packages"
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(label, work) {
  const started = Date.now();
  const seconds = () => `${Math.max(0.1, (Date.now() - started) / 1000).toFixed(1)} s`;
  const terminal = process.stderr.isTTY;
  const show = () =>
    process.stderr.write(`\r\u001b[2K\u001b[36m•\u001b[0m ${label} … \u001b[2m${seconds()}\u001b[0m`);
  const ticking = terminal ? setInterval(show, 500) : undefined;
  if (terminal) show();
  else process.stderr.write(`- ${label} ...\n`);
  const end = (/** @type {string} */ colour, /** @type {string} */ mark, /** @type {string} */ word) => {
    clearInterval(ticking);
    process.stderr.write(
      terminal
        ? `\r\u001b[2K\u001b[${colour}m${mark}\u001b[0m ${label} \u001b[2m${word}${seconds()}\u001b[0m\n`
        : `- ${label}: ${word}${seconds()}\n`,
    );
  };
  try {
    const result = await work();
    end('32', '✔', '');
    return result;
  } catch (error) {
    end('31', '✖', 'failed after ');
    throw error;
  }
}
