import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8');

it('names tests that exist', () => {
  const named = [...text.matchAll(/`(__tests__\/[\w./-]+)`/g)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

it('tells the overrides that there are', () => {
  const { overrides } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    overrides: Record<string, string | Record<string, string>>;
  };
  const told = [...text.matchAll(/^\|[^|]*\| `([\w@/-]+)` [\^\d.]+ \| ([\d.]+) \|/gm)].map(
    ([, name = '', version = '']) => `${name} ${version}`,
  );
  const there = Object.entries(overrides).flatMap(([name, what]) =>
    Object.entries(typeof what === 'string' ? { [name]: what } : what).map((pair) => pair.join(' ')),
  );
  expect([...new Set(there)].toSorted()).toEqual(told.toSorted());
});

it('is linked from the README', () => {
  expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain('](SECURITY.md)');
});
