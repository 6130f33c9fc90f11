import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const ROOMS = ['shared', 'api', 'worker', 'scripts'] as const;

/** Which of our folders each room may import from, beside itself. */
const DOORS: Record<string, string[]> = {
  shared: [],
  api: ['shared'],
  worker: ['shared'],
  scripts: ['shared', 'worker/inference'],
};

/** Packages that live in few places, and those places. */
const PACKAGES: [RegExp, (file: string) => boolean][] = [
  [/^express$/, (file) => file.startsWith('api/')],
  [/^(@redis\/client|redis)$/, (file) => file === 'shared/redis/redis.ts'],
  [/^bee-queue$/, (file) => file === 'shared/queue/bee-queue.ts'],
  [/^@opentelemetry\//, (file) => file === 'shared/tracing/otel-tracer.ts'],
  [/^@tensorflow\//, (file) => file.startsWith('worker/inference/') || file.startsWith('scripts/trips/')],
];

interface Import {
  file: string;
  from: string;
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (name === 'node_modules') return [];
    if (statSync(path).isDirectory()) return sources(path);
    return /\.(ts|mjs|js)$/.test(name) ? [path] : [];
  });
}

const files = ROOMS.flatMap((room) => sources(join(ROOT, room)));
const imports: Import[] = files.flatMap((path) => {
  const text = readFileSync(path, 'utf8');
  const found = text.matchAll(
    /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\brequire\(\s*|\brequire\.resolve\(\s*)['"]([^'"]+)['"]/g,
  );
  return [...found].map((match) => ({ file: relative(ROOT, path), from: match[1] ?? '' }));
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
    .filter((path) => /process\.env/.test(readFileSync(path, 'utf8')))
    .map((path) => relative(ROOT, path))
    .filter((file) => !/(config|config\/env|main)\.ts$|\.mjs$/.test(file));
  expect(readers).toEqual([]);
});
