import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runNpm } from './install.mjs';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir, root } from './project.mjs';
import { firstLine, SetupError } from './setup-error.mjs';

const folder = join(root, 'scripts/bench/peers');

/**
 * Installs what the benchmark compares with, as its own lockfile says, where it is not there yet. What fails is told, and
 * the benchmark goes on without. Throws a {@link SetupError} where it cannot go on.
 */
export async function tryPeers() {
  if (!existsSync(folder)) {
    throw new SetupError(`${folder} is missing: what is compared with is in a checkout only`);
  }
  if (existsSync(join(folder, 'node_modules/.package-lock.json'))) return;
  await withLock(join(cacheDir, 'peers.lock'), async () => {
    try {
      await step('Installing what the benchmark compares with (once)', () =>
        runNpm(['ci', '--ignore-scripts'], { cwd: folder }),
      );
    } catch (error) {
      console.error(`  it was not installed: ${firstLine(error)}`);
    }
  });
}
