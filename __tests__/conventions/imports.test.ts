import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { importNames } from './import-names.js';

const ROOT = resolve(__dirname, '../..');
const ROOMS = ['shared', 'api', 'worker', 'scripts', 'compose'] as const;

/** Which of our folders each room may import from, beside itself. */
const DOORS: Record<string, string[]> = {
  shared: [],
  api: ['shared'],
  worker: ['shared'],
  scripts: ['shared', 'worker/inference'],
  compose: ['scripts/setup'],
};

/** Packages that live in few places, and those places. */
const PACKAGES: [RegExp, (file: string) => boolean][] = [
  [/^express$/, (file) => file.startsWith('api/')],
  [/^redis$/, (file) => file === 'shared/redis/client.ts'],
  // The second does not import it: it looks for the Redis client that Bee-Queue brings.
  [/^bee-queue$/, (file) => /^shared\/queue\/bee-(queue|clients)\.ts$/.test(file)],
  [/^@opentelemetry\//, (file) => file === 'shared/tracing/otel-tracer.ts'],
  [/^@tensorflow\//, (file) => file.startsWith('worker/inference/') || file.startsWith('scripts/trips/')],
];

interface Import {
  file: string;
  from: string;
}

/** Other programs, which the benchmark compares with: no part of this one. */
const PEERS = join(ROOT, 'scripts/bench/peers');

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name === 'node_modules' || path === PEERS) return [];
    if (statSync(path).isDirectory()) return sources(path);
    return /\.(ts|mjs|js)$/.test(name) ? [path] : [];
  });
}

const files = ROOMS.flatMap((room) => sources(join(ROOT, room)));
const imports: Import[] = files.flatMap((path) => {
  const names = importNames(readFileSync(path, 'utf8'));
  return names.map((from) => ({ file: relative(ROOT, path), from }));
});

/** The file of ours that a relative import names, from the root. */
const targetOf = ({ file, from }: Import): string => relative(ROOT, resolve(ROOT, file, '..', from));

it('reads a plausible number of imports', () => {
  expect(imports.length).toBeGreaterThan(50);
});

it.each(ROOMS)('%s opens only its own doors', (room) => {
  const own = imports.filter(({ file, from }) => file.startsWith(`${room}/`) && from.startsWith('.'));
  const allowed = [room, ...(DOORS[room] ?? [])].map((folder) => `${folder}/`);
  const beyond = own.filter((entry) => {
    const target = targetOf(entry);
    // The command-line bootstrap loads what the build wrote.
    if (entry.file.endsWith('.mjs') && target.startsWith('dist/')) return false;
    return !allowed.some((folder) => target.startsWith(folder));
  });
  expect(beyond).toEqual([]);
});

it('keeps each big dependency in its place', () => {
  const misplaced = imports.filter(({ file, from }) =>
    PACKAGES.some(([name, mayImport]) => name.test(from) && !mayImport(file)),
  );
  expect(misplaced).toEqual([]);
});

it('names trips only where trips belong', () => {
  const trips = /PULocationID|DOLocationID|trip_distance/;
  const mayKnow = /^(model\/trip-duration|api\/routes\/trip-predict\.ts|scripts\/trips\/)/;
  const knowing = files
    .filter((path) => trips.test(readFileSync(path, 'utf8')))
    .map((path) => relative(ROOT, path))
    .filter((file) => !mayKnow.test(file));
  expect(knowing).toEqual([]);
});

it('reads the environment in config files only', () => {
  const readers = files
    .filter((path) => /process\.env(?!\['\w+'\] = )/.test(readFileSync(path, 'utf8')))
    .map((path) => relative(ROOT, path))
    .filter((file) => !/(config|config\/env|main)\.ts$|\.mjs$/.test(file));
  expect(readers).toEqual([]);
});
