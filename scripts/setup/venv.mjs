import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { step } from './progress.mjs';
import { cacheDir } from './project.mjs';
import { findProgram, runCommand } from './run-command.mjs';
import { firstLine, SetupError } from './setup-error.mjs';

/** Longest that one call of pip may take, in ms. */
const GIVE_UP_MS = 10 * 60_000;
const folder = join(cacheDir, 'python');

/**
 * An environment of Python with packages of PyPI, made in `.cache/python/<name>` unless it is there. Resolves to its
 * interpreter; throws a {@link SetupError} that says why it cannot be made.
 *
 * @param {string} name
 * @param {readonly (readonly string[])[]} lists what pip is given, one list after the other, each with its options
 */
export async function openVenv(name, lists) {
  const home = join(folder, name);
  const python = join(home, 'bin/python');
  const done = join(home, `${createHash('sha256').update(JSON.stringify(lists)).digest('hex')}.done`);
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-compile', '--cache-dir', join(folder, 'wheels')];
  await withLock(join(folder, `${name}.lock`), async () => {
    if (existsSync(done)) return;
    const system = findProgram(['python3']);
    if (system === undefined) throw new SetupError('there is no python3 on PATH');
    rmSync(home, { recursive: true, force: true });
    const some = lists.flat().join(' ').slice(0, 120);
    await step(`Installing ${some} ... in .cache/python/${name} (once)`, async () => {
      try {
        await runCommand(system, ['-m', 'venv', home]);
        for (const list of lists) {
          await runCommand(python, [...pip, ...list], { signal: AbortSignal.timeout(GIVE_UP_MS) });
        }
      } catch (error) {
        const [, said] = /^ERROR: (.*)/m.exec(String(error)) ?? [];
        throw new SetupError(said ?? firstLine(error));
      }
    });
    writeFileSync(done, '');
  });
  return python;
}
