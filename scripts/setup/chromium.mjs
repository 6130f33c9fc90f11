import { join } from 'node:path';
import { installWithApt } from './apt.mjs';
import { withLock } from './lock.mjs';
import { cacheDir } from './project.mjs';
import { findProgram, isProgram, runCommand } from './run-command.mjs';
import { firstLine } from './setup-error.mjs';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const MAC_PROGRAM = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/**
 * The Chromium, or Chrome, of this machine.
 *
 * @returns {string | undefined}
 */
export const findChromium = () => findProgram(NAMES) ?? (isProgram(MAC_PROGRAM) ? MAC_PROGRAM : undefined);

/**
 * Installs Chromium where there is none and apt-get can. Only tests want it: where it cannot be had they say so, and
 * everything else goes on.
 */
export async function tryChromium() {
  if (findChromium() !== undefined) return;
  await withLock(join(cacheDir, 'chromium.lock'), async () => {
    if (findChromium() !== undefined) return;
    try {
      await installWithApt('chromium');
      const command = findChromium();
      if (command !== undefined) await runCommand(command, ['--version']);
    } catch (error) {
      console.error(`  Chromium was not installed: ${firstLine(error)}`);
    }
  });
}
