import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { firstLine, SetupError } from './setup-error.mjs';

/** The repository's folder, whatever folder the command was called from. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Whether this is what `npm pack` made: built, without sources, and run without what only development needs. */
export const isPackage = !existsSync(join(root, 'tsconfig.json'));

/** The workspaces that hold our TypeScript, in the order in which they build on each other. */
export const workspaces = ['shared', 'api', 'worker', 'scripts'];

/** Commands that try the built service for hours, and what they import: compiled as it is, and no part of what is shipped. */
export const harnesses = [
  '__tests__/faults',
  '__tests__/soak',
  ...['latch', 'redis', 'redis-cluster', 'redis-sentinels', 'replaceable', 'replica'].map(
    (name) => `__tests__/support/${name}.ts`,
  ),
];

/** Downloads and locks that may be deleted at any time. */
export const cacheDir = join(root, '.cache');

/**
 * Imports a built module. The address is put together at run time, so that type checking does not need `dist/`.
 *
 * @param {string} path below `dist/`
 */
export const importBuilt = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/**
 * Reads `.env` into the environment, where set variables win. Node before 20.12 cannot, and says so. Throws a
 * {@link SetupError} that names each line that sets nothing: Node would pass over it.
 */
export function loadEnvFile() {
  const path = join(root, '.env');
  if (!existsSync(path)) return;
  const bad = linesThatSetNothing(readEnvFile(path));
  if (bad.length > 0) {
    throw new SetupError(`${path}: line ${bad.join(', ')} must be NAME=value, a comment with # or empty`);
  }
  if (process.loadEnvFile) process.loadEnvFile(path);
  else console.error('.env is not read: that needs Node 20.12 or newer; export its variables instead');
}

/** @param {string} path */
function readEnvFile(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new SetupError(`${path} cannot be read: ${firstLine(error)}`);
  }
}

/**
 * Numbers of the lines of an env file that are neither NAME=value, nor a comment, nor empty. A quoted value may go over
 * several lines.
 *
 * @param {string} text
 */
export const linesThatSetNothing = (text) =>
  text
    .replace(/=[ \t]*(["'`])[^]*?\1/g, (value) => `=${value.replace(/[^\n]/g, '')}`)
    .split('\n')
    .flatMap((line, at) => (/^\s*(#|$|(export\s+)?[\w.-]+\s*=)/.test(line) ? [] : [at + 1]));
