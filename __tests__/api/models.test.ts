import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelRegistry } from '../../api/models/model-registry.js';
import { writeModel } from '../support/rigs/models-folder.js';
import { keepingLog } from '../support/keeping-log.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const defaultOf = (chosen?: string): string => new ModelRegistry(dir, chosen).current.default.manifest.name;

it('takes the model that is chosen, else the trips, else the linear trips', () => {
  writeModel(dir, 'shop', '1.0.0');
  writeModel(dir, 'trip-duration-linear', '1.0.0');
  expect(defaultOf()).toBe('trip-duration-linear');
  writeModel(dir, 'trip-duration', '1.0.0');
  expect(defaultOf()).toBe('trip-duration');
  expect(defaultOf('shop')).toBe('shop');
});

it('names the packages there are when the default one is not among them', () => {
  writeModel(dir, 'shop', '1.0.0');
  expect(() => defaultOf()).toThrow(/DEFAULT_MODEL is unset.*"trip-duration".*set it to one of shop/);
  expect(() => defaultOf('house')).toThrow(/DEFAULT_MODEL is "house".*set it to one of shop/);
});

/** Makes a package of this name whose manifest cannot be read. */
function wreck(name: string, how: 'json' | 'fifo' | 'link' | 'schema' | 'size' = 'json'): void {
  rmSync(join(dir, name), { recursive: true, force: true });
  if (how === 'schema') {
    writeModel(dir, name, '1.0.0');
    const file = join(dir, name, 'manifest.json');
    // Alone it is a schema; within a submission there is no such place.
    const text = readFileSync(file, 'utf8').replace(
      '"required"',
      '"$defs":{"s":{"type":"string"}},"required"',
    );
    writeFileSync(file, text.replace('"type":"string","enum"', '"$ref":"#/$defs/s","type":"string","enum"'));
    return;
  }
  mkdirSync(join(dir, name));
  const file = join(dir, name, 'manifest.json');
  if (how === 'fifo') execFileSync('mkfifo', [file]);
  else if (how === 'link') symlinkSync('../shop/manifest.json', file);
  else writeFileSync(file, how === 'size' ? ' '.repeat(1_048_577) : '{"schema":');
}

it('serves the packages that can be used beside those that cannot, and says what is wrong with these', () => {
  writeModel(dir, 'shop', '1.0.0');
  for (const how of ['json', 'fifo', 'link', 'schema', 'size'] as const) wreck(`bad-${how}`, how);
  writeModel(dir, 'other', '1.0.0');
  rmSync(join(dir, 'misnamed'), { recursive: true, force: true });
  mkdirSync(join(dir, 'misnamed'));
  writeFileSync(join(dir, 'misnamed/manifest.json'), readFileSync(join(dir, 'shop/manifest.json')));
  const { byName, refused } = new ModelRegistry(dir, 'shop').current;
  expect([...byName.keys()]).toEqual(['other', 'shop']);
  expect(Object.fromEntries(refused)).toEqual({
    'bad-fifo': expect.stringContaining('it is a FIFO, not a regular file') as string,
    'bad-json': expect.stringContaining('JSON') as string,
    'bad-link': expect.stringContaining('it is a link out of the folder of the package') as string,
    'bad-schema': expect.stringContaining('$defs') as string,
    'bad-size': expect.stringContaining('it has 1048577 bytes, and 1048576 are the most') as string,
    misnamed: expect.stringContaining('the folder must have the same name') as string,
  });
});

it('does not start when the default model cannot be used, and says why', () => {
  writeModel(dir, 'shop', '1.0.0');
  wreck('trip-duration');
  expect(() => defaultOf()).toThrow(/"trip-duration", which cannot be used: .*manifest\.json[^]*JSON/);
});

it('reads each package by itself again, keeps what was served of a bad one, and speaks of what has changed', () => {
  for (const name of ['shop', 'same', 'bad', 'gone']) writeModel(dir, name, '1.0.0');
  const models = new ModelRegistry(dir, 'shop');
  writeModel(dir, 'shop', '1.1.0');
  writeModel(dir, 'new', '1.0.0');
  rmSync(join(dir, 'gone'), { recursive: true });
  wreck('bad');
  const log = keepingLog();
  models.reload(log);
  const versions = [...models.current.byName].map(([name, { manifest }]) => `${name} ${manifest.version}`);
  expect(versions.toSorted()).toEqual(['bad 1.0.0', 'new 1.0.0', 'same 1.0.0', 'shop 1.1.0']);
  expect(models.current.default.manifest.version).toBe('1.1.0');
  expect(log.lines.map(({ message, fields }) => `${message}: ${String(fields?.['model'])}`)).toEqual([
    'model not reloaded, the old version goes on: bad',
    'model removed: gone',
    'model reloaded: shop',
    'model added: new',
  ]);
  wreck('shop');
  models.reload(log);
  expect(models.current.default.manifest.version).toBe('1.1.0');
});
