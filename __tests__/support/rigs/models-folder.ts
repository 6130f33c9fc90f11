import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const LINEAR = 'trip-duration-linear';
export const SHOP = 'shop';

/** Two packages: the real linear one, and one that shares nothing with it. */
export function modelsFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-models-'));
  symlinkSync(resolve(__dirname, '../../../model', LINEAR), join(dir, LINEAR));
  writeModel(dir, SHOP, '2.0.0');
  return dir;
}

/** Writes a package's manifest, with `changes`; the API reads no more of it. */
export function writeModel(dir: string, name: string, version: string, changes: object = {}): void {
  mkdirSync(join(dir, name), { recursive: true });
  const manifest = {
    schema: 1,
    name,
    version,
    title: 'Shop',
    description: 'A model that shares nothing with the other.',
    format: 'tfjs-layers',
    input: {
      type: 'object',
      properties: { size: { type: 'string', enum: ['s', 'm', 'l'] }, gift: { type: 'boolean' } },
      required: ['size'],
      additionalProperties: false,
    },
    example: { size: 'm' },
    columns: [
      { member: 'size', encoding: 'enum', tensor: 'size' },
      { member: 'gift', encoding: 'boolean', tensor: 'gift' },
    ],
    outputs: [{ member: 'price', unit: 'dollars', tensor: 'price' }],
    figures: {},
    ...changes,
  };
  writeFileSync(join(dir, name, 'manifest.json'), JSON.stringify(manifest));
}
