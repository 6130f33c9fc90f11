import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ModelRegistry } from '../../api/models/model-registry.js';
import { writeModel } from '../contract/bench.js';

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
