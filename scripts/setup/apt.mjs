import { step } from './progress.mjs';
import { findProgram, runCommand } from './run-command.mjs';

/** A mirror that does not answer is given up after so long, in ms. */
const GIVE_UP_MS = 5 * 60_000;

/**
 * Installs packages with apt-get, as root or with a sudo that asks for no password; does nothing where there is
 * neither. Throws what apt-get said when it failed.
 *
 * @param {...string} names
 */
export async function installWithApt(...names) {
  const apt = findProgram(['apt-get']);
  if (apt === undefined) return;
  const prefix = process.getuid?.() === 0 ? [] : await passwordlessSudo();
  if (prefix === undefined) return;
  const signal = AbortSignal.timeout(GIVE_UP_MS);
  const run = (/** @type {string[]} */ ...args) =>
    runCommand('env', [...prefix, 'DEBIAN_FRONTEND=noninteractive', apt, '-qq', ...args], { signal });
  await step(`Installing ${names.join(', ')} with apt-get (once)`, async () => {
    await run('update');
    await run('install', '-y', '--no-install-recommends', ...names);
  });
}

/** @returns {Promise<string[] | undefined>} what to put before a command to run it as root */
async function passwordlessSudo() {
  if (findProgram(['sudo']) === undefined) return undefined;
  return runCommand('sudo', ['-n', 'true']).then(
    () => ['sudo', '-n', 'env'],
    () => undefined,
  );
}
