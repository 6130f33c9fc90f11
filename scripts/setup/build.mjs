import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import { harnesses, workspaces } from './project.mjs';
import { runCommand } from './run-command.mjs';

/** Files of the source folders that the built program does not read: run as they are, or for people and npm. */
const NOT_BUILT = new Set(['.mjs', '.md', '.py', '.txt']);
/** Modules of the set-up that the built program imports, too. */
const BUILT_MODULE = /scripts\/setup\/(lock|setup-error)\.mjs$/;
const STAMP = '.built-from';

/**
 * Whether `dist/` was built from the sources as they are now: same files, sizes and times.
 *
 * @param {string} folder the repository
 */
export function isBuilt(folder) {
  const stamp = join(folder, 'dist', STAMP);
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint(folder);
}

/**
 * Compiles the TypeScript of the workspaces into `dist/`, copies the files the programs read at run time (Lua, static
 * files, shell) beside it, and deletes outputs whose source is gone. The stamp goes first and comes back last, so an
 * interrupted build is never taken for a whole one.
 *
 * @param {string} folder
 */
export async function build(folder) {
  const dist = join(folder, 'dist');
  const stamp = join(dist, STAMP);
  rmSync(stamp, { force: true });
  const from = fingerprint(folder);
  const sources = sourceFiles(folder);
  // Beside the one of the whole, folders may have a project of their own: what is made for browsers has.
  const projects = [folder, ...sources.filter(isProject).map((path) => dirname(path))];
  const notes = projects.map((project) => join(dist, relative(folder, project), 'tsconfig.tsbuildinfo'));
  const outputs = new Set([stamp, ...notes]);
  const missing = [];
  for (const path of sources) {
    if (isProject(path)) continue;
    const output = join(dist, relative(folder, path));
    if (extname(path) === '.ts' || BUILT_MODULE.test(path)) {
      const compiled = output.replace(/\.ts$/, '.js');
      outputs.add(compiled).add(`${compiled}.map`);
      if (!existsSync(compiled)) missing.push(compiled);
    } else {
      mkdirSync(dirname(output), { recursive: true });
      copyFileSync(path, output);
      outputs.add(output);
    }
  }
  // The compiler writes only what changed since its last run; where an output has been deleted it has to start over.
  if (missing.length > 0) for (const note of notes) rmSync(note, { force: true });
  const tsc = join(folder, 'node_modules/typescript/bin/tsc');
  for (const project of projects) await runCommand(process.execPath, [tsc, '-p', project], { cwd: folder });
  for (const path of filesBelow(dist)) if (!outputs.has(path)) rmSync(path);
  writeFileSync(stamp, from);
}

/**
 * Names of the sources with their sizes and times, as a hash.
 *
 * @param {string} folder the repository
 */
export function fingerprint(folder) {
  const hash = createHash('sha256');
  for (const path of [
    ...sourceFiles(folder),
    join(folder, 'tsconfig.json'),
    join(folder, 'package-lock.json'),
  ]) {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${relative(folder, path)} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

const isProject = (/** @type {string} */ path) => basename(path) === 'tsconfig.json';

/**
 * @param {string} folder
 * @returns {string[]}
 */
function sourceFiles(folder) {
  return [...workspaces, ...harnesses]
    .map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => (statSync(path).isFile() ? path : filesBelow(path)))
    .filter((path) => !NOT_BUILT.has(extname(path)) || BUILT_MODULE.test(path))
    .filter((path) => !/package(-lock)?\.json$|\.test\.ts$/.test(path));
}

/**
 * @param {string} folder
 * @returns {string[]} every file below it, in a fixed order, leaving out packages
 */
function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name === 'node_modules') return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}
