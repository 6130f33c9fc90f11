import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNpm } from './install.mjs';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir, root } from './project.mjs';
import { firstLine, SetupError } from './setup-error.mjs';
import { openVenv } from './venv.mjs';

const folder = join(root, 'scripts/bench/peers');

/**
 * Installs what the benchmark compares with, as its lockfiles say, where it is not there yet: the services of Node, and
 * with `all` those of Python, too. What fails is told, and the benchmark goes on without. Throws a {@link SetupError}
 * where it cannot go on.
 *
 * @param {'node' | 'all'} which
 * @returns {Promise<string | undefined>} the interpreter that has the packages of Python
 */
export async function tryPeers(which) {
  if (!existsSync(folder)) {
    throw new SetupError(`${folder} is missing: what is compared with is in a checkout only`);
  }
  await orTell(installNode);
  return which === 'all' ? orTell(openPython) : undefined;
}

async function installNode() {
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  await withLock(join(cacheDir, 'peers.lock'), async () => {
    await step('Installing what the benchmark compares with (once)', () =>
      runNpm(['ci', '--ignore-scripts'], { cwd: folder }),
    );
  });
}

function openPython() {
  const lines = readFileSync(join(folder, 'requirements.txt'), 'utf8').split('\n');
  return openVenv('peers', [lines.filter((line) => /^\w/.test(line))]);
}

/**
 * @template T
 * @param {() => Promise<T>} install
 */
async function orTell(install) {
  try {
    return await install();
  } catch (error) {
    console.error(`  it was not installed: ${firstLine(error)}`);
    return undefined;
  }
}
