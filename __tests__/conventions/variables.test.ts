import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { variablesInterpolated } from '../support/deployment/compose-files.js';
import { valuesOf, variablesRead } from '../support/variables.js';

const ROOT = resolve(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

const known = variablesRead('api', 'worker', 'up');
/** What the set-up in plain JavaScript asks for beside them. */
const SET_UP = ['WITH_GPU'];

const sorted = (names: Iterable<string>): string[] => [...new Set(names)].toSorted();

it('finds the readers', () => {
  expect(known.size).toBeGreaterThan(20);
  for (const name of SET_UP) {
    const files = readdirSync(join(ROOT, 'scripts/setup')).filter((file) =>
      statSync(join(ROOT, 'scripts/setup', file)).isFile(),
    );
    expect(files.some((file) => read(`scripts/setup/${file}`).includes(`env.${name}`))).toBe(true);
  }
});

it('.env.example has every variable and no other', () => {
  expect(Object.keys(valuesOf(read('.env.example'))).toSorted()).toEqual(
    sorted([...known, ...SET_UP, ...variablesInterpolated()]),
  );
});

it('docs/operating.md has every variable in its table', () => {
  const table = read('docs/operating.md').split('## Configuration')[1]?.split('\n## ')[0] ?? '';
  const named = [...table.matchAll(/`([A-Z][A-Z0-9_]{2,})`/g)].map(([, name = '']) => name);
  expect(sorted(named)).toEqual(sorted(known));
});
