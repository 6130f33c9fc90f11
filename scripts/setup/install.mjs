import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { workspaces } from './project.mjs';
import { runCommand } from './run-command.mjs';

/** The optional workspaces, and what is said when one is wanted that has not been installed yet. */
const OPTIONAL = /** @type {const} */ ({
  native: 'the native TensorFlow packages are wanted',
  onnx: 'ONNX Runtime is wanted',
  images: 'sharp, which decodes images, is wanted',
});
/** @typedef {keyof typeof OPTIONAL} Optional */
const OPTIONAL_NAMES = /** @type {Optional[]} */ (Object.keys(OPTIONAL));

/**
 * What is wanted of npm: optional workspaces, and with `dev` what building and testing need.
 *
 * @typedef {Partial<Record<Optional, boolean>> & { dev: boolean }} Wanted
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
export function whyInstall(folder, wanted) {
  const lockText = readLock(folder);
  const stamp = readStamp(folder);
  const noted = readText(join(folder, 'node_modules/.package-lock.json'));
  if (noted === '') return 'none are there yet';
  const untried = OPTIONAL_NAMES.find((name) => wanted[name] && stamp[name] !== true);
  if (untried) return OPTIONAL[untried];
  if (stamp.lock === fingerprint(lockText)) return undefined;
  const { packages } = JSON.parse(lockText);
  return satisfies(packages, JSON.parse(noted).packages, wanted.dev) ? undefined : 'the lockfile has changed';
}

/**
 * Installs exactly what the lockfile says. The workspaces are called by name: npm takes a folder (`-w worker`)
 * to mean every workspace below it, which would bring in `worker/native` and its large downloads. ONNX Runtime for the CPU
 * is whole in its npm package; its install script would fetch what it needs for CUDA beside that.
 *
 * @param {string} folder
 * @param {Wanted} wanted
 */
export async function install(folder, wanted) {
  // npm ci removes what is not asked for: a workspace stays that another command wanted.
  const stamp = readStamp(folder);
  const kept = Object.fromEntries(OPTIONAL_NAMES.map((name) => [name, wanted[name] || stamp[name] === true]));
  const optional = OPTIONAL_NAMES.filter((name) => kept[name]).map((name) => `worker-${name}`);
  // The build needs TypeScript, also where NODE_ENV=production is set.
  const args = [
    'ci',
    wanted.dev ? '--include=dev' : '--omit=dev',
    '--include-workspace-root',
    ...[...workspaces, ...optional].flatMap((name) => ['-w', `@waggle/${name}`]),
  ];
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' };
  await runNpm(args, { cwd: folder, env });
  writeFileSync(stampPath(folder), JSON.stringify({ lock: fingerprint(readLock(folder)), ...kept }));
}

/**
 * Adds the native TensorFlow packages to what is installed, as the lockfile says and without their install scripts, and
 * notes them as installed.
 *
 * @param {string} folder
 */
export async function addNative(folder) {
  const args = ['install', '--no-save', '--ignore-scripts', '-w', '@waggle/worker-native'];
  const isThere = missingOptional(folder, { native: true, onnx: false, dev: false }).length === 0;
  if (!isThere) await runNpm(args, { cwd: folder });
  const stamp = JSON.parse(readText(stampPath(folder)) || '{}');
  writeFileSync(stampPath(folder), JSON.stringify({ ...stamp, native: true }));
}

/**
 * The optional packages that are wanted and not there: npm leaves out what it could not download.
 *
 * @param {string} folder
 * @param {Wanted} wanted
 */
export const missingOptional = (folder, wanted) =>
  OPTIONAL_NAMES.filter((name) => wanted[name])
    .flatMap((name) =>
      Object.keys(JSON.parse(readText(join(folder, `worker/${name}/package.json`))).optionalDependencies),
    )
    .filter((name) => !existsSync(join(folder, 'node_modules', name)));

/**
 * The optional workspaces that the packages of a folder of models need.
 *
 * @param {string} modelsDir
 */
export function neededBy(modelsDir) {
  const isFolder = statSync(modelsDir, { throwIfNoEntry: false })?.isDirectory();
  const needs = isFolder ? readdirSync(modelsDir).map((name) => neededByPackage(join(modelsDir, name))) : [];
  return { onnx: needs.some(({ onnx }) => onnx), images: needs.some(({ images }) => images) };
}

/**
 * The optional workspaces that a package needs. A manifest that cannot be read (`read-manifest.ts` has the bound) needs none:
 * the API and the workers say what is wrong with it.
 *
 * @param {string} folder
 */
export function neededByPackage(folder) {
  const path = join(folder, 'manifest.json');
  try {
    const stats = statSync(path);
    const isReadable = stats.isFile() && stats.size <= 1_048_576;
    const { format, columns } = isReadable ? JSON.parse(readFileSync(path, 'utf8')) : {};
    /** @param {{ encoding?: unknown }} column */
    const isImage = (column) => column.encoding === 'image';
    return { onnx: format === 'onnx', images: Array.isArray(columns) && columns.some(isImage) };
  } catch {
    return { onnx: false, images: false };
  }
}

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
 * Runs npm, without its audit and its calls for money. Returns what it printed.
 *
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 */
export function runNpm(args, options) {
  const npm = npmCommand(process.env.npm_execpath);
  return runCommand(npm.command, [...npm.args, ...args, '--no-audit', '--no-fund'], options);
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

const readStamp = (/** @type {string} */ folder) => JSON.parse(readText(stampPath(folder)) || '{}');

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
