import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

interface Manifest {
  version?: string;
  workspaces?: string[];
  dependencies?: Record<string, string>;
}
const manifest = (folder: string): Manifest => JSON.parse(read(join(folder, 'package.json'))) as Manifest;

it('stands in one package.json; the workspaces have none and take each other as they are', () => {
  const { version, workspaces = [] } = manifest('.');
  expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  expect((JSON.parse(read('package-lock.json')) as Manifest).version).toBe(version);
  expect(workspaces.filter((folder) => manifest(folder).version !== undefined)).toEqual([]);
  const own = workspaces.flatMap((folder) =>
    Object.entries(manifest(folder).dependencies ?? {}).filter(([name]) => name.startsWith('@waggle/')),
  );
  expect(own.filter(([, wanted]) => wanted !== '*')).toEqual([]);
});

it('is told by the changelog: what is pending first, then releases with their days, the newest first', () => {
  const headings = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map(([, heading = '']) => heading);
  expect(headings[0]).toBe('Pending');
  const releases = headings.slice(1);
  expect(releases.filter((heading) => !/^\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d$/.test(heading))).toEqual([]);
  const versions = releases.map((heading) => heading.split(' ')[0] ?? '');
  const newestFirst = versions.toSorted((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  expect(versions).toEqual(newestFirst);
  // Before the first release package.json says which one it will be.
  expect(versions[0] ?? manifest('.').version).toBe(manifest('.').version);
});
