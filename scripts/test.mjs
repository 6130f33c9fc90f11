#!/usr/bin/env node
// npm test: set-up, lint and types, every test. Arguments go to Jest: npm test -- __tests__/shared
// --no-lint leaves lint and types out.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './setup/prepare.mjs';
import { root } from './setup/project.mjs';
import { envWithRedis } from './setup/redis.mjs';
import { tryChromium } from './setup/chromium.mjs';
import { npmCommand } from './setup/install.mjs';
import { main } from './setup/setup-error.mjs';
import { closingLine } from './setup/test-summary.mjs';

/**
 * Runs a program on this terminal to its end; signals are passed on to it.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<boolean>} whether it ended with code 0
 */
function run(command, args, env) {
  const child = spawn(command, args, { cwd: root, env, stdio: 'inherit' });
  const pass = (/** @type {NodeJS.Signals} */ signal) => void child.kill(signal);
  process.on('SIGTERM', pass).on('SIGINT', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGTERM', pass).off('SIGINT', pass);
      resolve(code === 0);
    });
  });
}

/**
 * Chromium is large: it is not fetched for those who name other tests.
 *
 * @param {string[]} args Jest's
 */
function mayRunBrowserTests(args) {
  const named = args.filter((arg) => !arg.startsWith('-'));
  if (args.some((arg) => arg.startsWith('--testMatch'))) return false;
  return named.length === 0 || named.some((name) => /browser|__tests__\/?$/.test(name));
}

/** @param {string[]} given */
async function test(given) {
  const args = given.filter((arg) => arg !== '--no-lint');
  await prepare({ onnx: true, images: true });
  if (mayRunBrowserTests(args)) await tryChromium();
  const env = await envWithRedis();
  // The linter colours what it prints wherever CI is set, terminal or not.
  const { CI: _ci, ...lintEnv } = env;
  const npm = npmCommand(process.env.npm_execpath);
  const isClean =
    given.includes('--no-lint') ||
    (await run(npm.command, [...npm.args, 'run', '--silent', 'lint'], lintEnv));
  const dir = mkdtempSync(join(tmpdir(), 'waggle-results-'));
  try {
    const results = join(dir, 'results.json');
    const jest = join(root, 'node_modules/jest/bin/jest.js');
    const passed = await run(process.execPath, [jest, '--json', '--outputFile', results, ...args], env);
    if (!isClean) console.log('lint, format or types: failed, see the top');
    console.log(closingLine(JSON.parse(readFileSync(results, 'utf8'))));
    if (!isClean || !passed) process.exitCode = 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

await main(() => test(process.argv.slice(2)));
