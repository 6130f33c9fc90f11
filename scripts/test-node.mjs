#!/usr/bin/env node
// npm run test:node -- 24: npm test on the newest Node of a line, which the npm package `node` brings. Further arguments go to
// Jest. For another release of the line delete its folder in .cache.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { runNpm } from './setup/install.mjs';
import { step } from './setup/progress.mjs';
import { cacheDir, root } from './setup/project.mjs';
import { firstLine, main, SetupError } from './setup/setup-error.mjs';

/**
 * The program of a Node.
 *
 * @param {string} line such as `24`
 */
async function nodeOf(line) {
  if (!/^\d+(\.\d+){0,2}$/.test(line)) throw new SetupError('name a line of Node: npm run test:node -- 24');
  const folder = join(cacheDir, `node-${line}`);
  const program = join(folder, 'node_modules/node/bin/node');
  if (existsSync(program)) return program;
  // Its script fetches the package of this system.
  const args = ['install', '--prefix', folder, '--ignore-scripts=false', `node@${line}`];
  try {
    await step(`Fetching Node ${line} (once)`, () => runNpm(args));
  } catch (error) {
    throw new SetupError(`nothing was tested, since node@${line} cannot be installed: ${firstLine(error)}`);
  }
  return program;
}

await main(async () => {
  const [line = '', ...args] = process.argv.slice(2);
  const program = await nodeOf(line);
  const path = [dirname(program), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path, NODE: program };
  const child = spawn(program, ['scripts/test.mjs', ...args], { cwd: root, env, stdio: 'inherit' });
  process.on('SIGTERM', () => child.kill('SIGTERM')).on('SIGINT', () => child.kill('SIGINT'));
  child.once('exit', (code) => (process.exitCode = code ?? 1));
});
