import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** What the readers of the environment ask for: `read.int('PORT', ...)`. */
function variablesRead(): Set<string> {
  const configs = ['api/config.ts', 'worker/config.ts', 'scripts/up/config.ts'].map(read);
  const names = configs.flatMap((text) =>
    Array.from(text.matchAll(/\bread\s*\.(?:\w+)\(\s*'([A-Z][A-Z0-9_]+)'/g)),
  );
  return new Set(names.map(([, name = '']) => name));
}

/** What the set-up in plain JavaScript asks for beside them. */
const SET_UP = ['WITH_GPU'];

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].toSorted();
const documented = (text: string, pattern: RegExp): string[] =>
  sorted([...text.matchAll(pattern)].map((match) => match[1] ?? ''));

it('finds the readers', () => {
  expect(variablesRead().size).toBeGreaterThan(20);
  for (const name of SET_UP) {
    const files = readdirSync(join(ROOT, 'scripts/setup')).filter((file) =>
      statSync(join(ROOT, 'scripts/setup', file)).isFile(),
    );
    expect(files.some((file) => read(`scripts/setup/${file}`).includes(`env.${name}`))).toBe(true);
  }
});

it('.env.example has every variable and no other', () => {
  expect(documented(read('.env.example'), /^([A-Z][A-Z0-9_]+)=/gm)).toEqual(
    sorted([...variablesRead(), ...SET_UP]),
  );
});

it('the README has every variable in its table', () => {
  const table = read('README.md').split('## Configuration')[1]?.split('\n## ')[0] ?? '';
  const named = documented(table, /`([A-Z][A-Z0-9_]{2,})`/g);
  expect(named).toEqual(sorted(variablesRead()));
});
