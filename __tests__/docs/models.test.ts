import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { dtypeOf } from '../../shared/model/columns.js';
import { Manifest } from '../../shared/model/manifest.js';
import { parseManifest, readManifest } from '../../shared/model/read-manifest.js';
import { createRowReader } from '../../shared/model/row-reader.js';
import { photoManifest } from '../support/photos.js';
import { loadModelRuntime } from '../../worker/inference/child/model-runtime.js';

const ROOT = resolve(__dirname, '../..');
const text = readFileSync(join(ROOT, 'docs/models.md'), 'utf8');

it('shows a manifest that serves', async () => {
  const [, manifest = ''] = /```json\n(.*?)```/s.exec(text) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'waggle-docs-'));
  cpSync(join(ROOT, '__tests__/fixtures/models/greenhouse'), folder, { recursive: true });
  writeFileSync(join(folder, 'manifest.json'), manifest);
  const runtime = await loadModelRuntime(folder);
  const batch = runtime.layout.allocate(1);
  runtime.layout.write(batch, 0, { ...runtime.manifest.example });
  const { outputs } = await runtime.predict(batch);
  runtime.dispose();
  rmSync(folder, { recursive: true });
  expect(createRowReader(runtime.manifest)(outputs, 0)).toEqual({ ok: true, result: { water: 2.25 } });
});

it('tells the formats', () => {
  const told = [...text.matchAll(/^\| `([a-z-]+)` \| `(model\.\w+)`.* \|$/gm)].map(([, format]) => format);
  const { anyOf } = Manifest.properties.format as { anyOf: { const: string }[] };
  expect(told).toEqual(anyOf.map((literal) => literal.const));
});

it('tells the encodings with the types that they have', () => {
  const told = [...text.matchAll(/^ *\| `(\w+)` \| .* \| `(\w+)` \|$/gm)].map(([, encoding, dtype]) => ({
    encoding,
    dtype,
  }));
  const encodings = [
    'number',
    'integer',
    'boolean',
    'enum',
    'minute_of_week',
    'array',
    'base64',
    'image',
  ] as const;
  expect(told).toEqual(
    encodings.map((encoding) => ({ encoding, dtype: dtypeOf({ encoding, member: 'x', tensor: 'x' }) })),
  );
});

it('shows a column of images as a manifest takes it', () => {
  const [, shown = ''] = /```\n("columns": \[\{ "member": "photo".*?\])\n```/s.exec(text) ?? [];
  const own = JSON.parse(`{${shown}}`) as Pick<Manifest, 'columns'>;
  const { columns, ...rest } = photoManifest();
  const manifest = { ...rest, columns: [...own.columns, columns[1]] };
  expect(parseManifest(manifest, 'docs/models.md').columns[0]).toMatchObject({
    encoding: 'image',
    fit: 'cover',
  });
});

it('shows tensors, labels and max_batch as a manifest takes them', () => {
  const [, shown = ''] = /```\n("input".*?"max_batch": 16\n)```/s.exec(text) ?? [];
  const rest = readManifest(join(ROOT, '__tests__/fixtures/models/greenhouse'));
  const picture = Buffer.alloc(224 * 224 * 3).toString('base64');
  const example = { picture, series: Array.from({ length: 128 }, () => 0) };
  const manifest: unknown = { ...rest, ...(JSON.parse(`{${shown}}`) as object), example };
  expect(parseManifest(manifest, 'docs/models.md')).toMatchObject({ max_batch: 16, example });
});
