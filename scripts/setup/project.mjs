import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder, whatever folder the command was called from. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Whether this is what `npm pack` made: built, without sources, and run without what only development needs. */
export const isPackage = !existsSync(join(root, 'tsconfig.json'));

/** The workspaces that hold our TypeScript, in the order in which they build on each other. */
export const workspaces = ['shared', 'api', 'worker', 'scripts'];

/** Downloads and locks that may be deleted at any time. */
export const cacheDir = join(root, '.cache');

/**
 * Imports a built module. The address is put together at run time, so that type checking does not need `dist/`.
 *
 * @param {string} path below `dist/`
 */
export const importBuilt = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/** Reads `.env` into the environment, where set variables win. Node before 20.12 cannot, and says so. */
export function loadEnvFile() {
  const path = join(root, '.env');
  if (!existsSync(path)) return;
  if (process.loadEnvFile) process.loadEnvFile(path);
  else console.error('.env is not read: that needs Node 20.12 or newer; export its variables instead');
}
