import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { workspaces } from './project.mjs';
import { runCommand } from './run-command.mjs';

/**
 * What is wanted of npm: `native`, the workspace with the native TensorFlow packages; `dev`, what building and testing
 * need.
 *
 * @typedef {{ native: boolean, dev: boolean }} Wanted
 */

/**
 * Why npm packages have to be installed into `folder`, or undefined when they are there: the stamp that the last
 * installation left names this lockfile, or what npm itself noted in `node_modules` is what the lockfile asks for
 * (someone ran `npm ci` by hand).
 *
 * @param {string} folder the repository
 * @param {Wanted} wanted
 * @returns {string | undefined}
 */
export function whyInstall(folder, { native, dev }) {
  const lockText = readLock(folder);
  const stamp = JSON.parse(readText(stampPath(folder)) || '{}');
  const noted = readText(join(folder, 'node_modules/.package-lock.json'));
  if (noted === '') return 'none are there yet';
  if (native && stamp.native !== true) return 'the native TensorFlow packages are wanted';
  if (stamp.lock === fingerprint(lockText)) return undefined;
  const { packages } = JSON.parse(lockText);
  return satisfies(packages, JSON.parse(noted).packages, dev) ? undefined : 'the lockfile has changed';
}

/**
 * Installs exactly what the lockfile says. The workspaces are called by name: npm takes a folder (`-w worker`)
 * to mean every workspace below it, which would bring in `worker/native` and its large downloads.
 *
 * @param {string} folder
 * @param {Wanted} wanted
 */
export async function install(folder, { native, dev }) {
  const npm = npmCommand(process.env.npm_execpath);
  const only = ['--include-workspace-root', ...workspaces.flatMap((name) => ['-w', `@waggle/${name}`])];
  // The build needs TypeScript, also where NODE_ENV=production is set.
  const args = [
    'ci',
    dev ? '--include=dev' : '--omit=dev',
    '--no-audit',
    '--no-fund',
    ...(native ? [] : only),
  ];
  await runCommand(npm.command, [...npm.args, ...args], { cwd: folder });
  writeStamp(folder, native);
}

/**
 * The native TensorFlow packages that are not there: npm leaves out what it could not download.
 *
 * @param {string} folder
 */
export const missingNative = (folder) =>
  ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].filter(
    (name) => !existsSync(join(folder, 'node_modules', name)),
  );

/**
 * The npm that is running us, so that one set of settings applies throughout; else the one on PATH.
 *
 * @param {string | undefined} execPath `npm_execpath`, which other package managers set too
 */
export function npmCommand(execPath) {
  return execPath !== undefined && basename(execPath) === 'npm-cli.js'
    ? { command: process.execPath, args: [execPath] }
    : { command: 'npm', args: [] };
}

/**
 * Whether everything that is wanted and not optional stands in node_modules in the locked version.
 *
 * @param {Record<string, { version?: string, dev?: boolean, optional?: boolean, devOptional?: boolean, link?: boolean }>} locked
 * @param {Record<string, { version?: string }>} found
 * @param {boolean} dev
 */
function satisfies(locked, found, dev) {
  return Object.entries(locked).every(
    ([path, entry]) =>
      !path.startsWith('node_modules/') ||
      entry.optional === true ||
      (entry.dev === true && !dev) ||
      entry.devOptional === true ||
      entry.link === true ||
      found[path]?.version === entry.version,
  );
}

/**
 * @param {string} folder
 * @param {boolean} native
 */
function writeStamp(folder, native) {
  const lock = fingerprint(readLock(folder));
  writeFileSync(stampPath(folder), JSON.stringify({ lock, native }));
}

/**
 * npm takes no other lockfile into what it packs than one of this name.
 *
 * @param {string} folder
 */
const readLock = (folder) =>
  readText(join(folder, 'npm-shrinkwrap.json')) || readText(join(folder, 'package-lock.json'));

const stampPath = (/** @type {string} */ folder) => join(folder, 'node_modules/.waggle-install.json');

const fingerprint = (/** @type {string} */ text) => createHash('sha256').update(text).digest('hex');

/** @param {string} path */
function readText(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}
