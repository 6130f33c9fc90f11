import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ManifestColumn } from '../../../shared/model/manifest.js';
import { loadModelRuntime, type ModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { answerExample } from '../../../worker/inference/child/warm-up.js';
import { readModelFiles } from '../../../worker/inference/parent/model-files.js';
import { halves, plain, withSharp, writePhoto } from '../../support/photos.js';

const models = mkdtempSync(join(tmpdir(), 'waggle-photos-'));
afterAll(() => rmSync(models, { recursive: true, force: true }));

let runtime: ModelRuntime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
});

/** The pixels of photos, a row each, and what was wrong with them. */
async function answer(
  photos: readonly (Buffer | string | undefined)[],
  column: Partial<ManifestColumn> = {},
) {
  runtime = await loadModelRuntime(await writePhoto(models, column));
  const { layout } = runtime;
  const columns = layout.allocate(photos.length);
  photos.forEach((photo, row) => {
    layout.write(columns, row, { photo: Buffer.isBuffer(photo) ? photo.toString('base64') : photo });
  });
  const { outputs, faults = {} } = await runtime.predict(columns);
  const width = outputs[0]!.length / photos.length;
  const rows = photos.map((_, row) => Array.from(outputs[0]!.subarray(row * width, (row + 1) * width)));
  return { rows, faults };
}

const RED = [255, 0, 0];
const BLUE = [0, 0, 255];
const GREEN = [0, 255, 0];
const BLACK = [0, 0, 0];
/** Of the edges between colours some of each is in a pixel. */
const nearest = (value: number): number => (value > 127 ? 255 : 0);
const times = (count: number, pixel: readonly number[]): number[] =>
  Array.from({ length: count }, () => pixel).flat();

withSharp('an image', () => {
  it('is decoded from JPEG, PNG and WebP, and from a data URL, to the numbers that the training saw', async () => {
    const red = plain(64, 32, '#f00');
    const png = await red.png().toBuffer();
    const jpeg = await red.jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
    const webp = await red.webp({ lossless: true }).toBuffer();
    const url = `data:image/png;base64,${png.toString('base64')}`;
    const { rows } = await answer([png, jpeg, webp, url], { scale: 2 / 255, offset: -1 });
    for (const row of rows) {
      expect(row).toEqual(times(8, [1, -1, -1]).map((value): unknown => expect.closeTo(value, 1)));
    }
  });

  it.each<[string, Partial<ManifestColumn>, number[]]>([
    ['its middle', {}, [...RED, ...BLUE, ...RED, ...BLUE]],
    ['all of it, stretched', { fit: 'fill' }, [...GREEN, ...GREEN, ...GREEN, ...GREEN]],
    [
      'all of it, between bars',
      { fit: 'contain', shape: [4, 4, 3] },
      [...times(4, BLACK), ...GREEN, ...RED, ...BLUE, ...GREEN],
    ],
    ['one colour after the other', { shape: [3, 2, 2] }, [255, 0, 255, 0, 0, 0, 0, 0, 0, 255, 0, 255]],
    ['as whole numbers', { dtype: 'int32' }, [...RED, ...BLUE, ...RED, ...BLUE]],
  ])('gets the size of its shape: %s', async (_, column, expected) => {
    // Green, red, blue, green: of this the middle is red and blue.
    const middle = await (await halves(64, 64)).png().toBuffer();
    const wide = await plain(192, 64, '#0f0')
      .composite([{ input: middle, left: 64, top: 0 }])
      .png()
      .toBuffer();
    const { rows } = await answer([wide], { shape: [2, 2, 3], ...column });
    expect(rows[0]!.slice(0, expected.length).map(nearest)).toEqual(expected);
  });

  it('is grey where there is one channel, white where it is transparent, upright, and its default where absent', async () => {
    const clear = await plain(8, 8, { r: 0, g: 0, b: 0, alpha: 0 }, 4).png().toBuffer();
    const { rows } = await answer([undefined, clear], { shape: [1, 2, 1], default: 7 });
    expect(rows).toEqual([
      [7, 7],
      [255, 255],
    ]);
    runtime?.dispose();
    // By its metadata it is to be turned to the right: its left half is above then.
    const turned = await (await halves(64, 64)).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    const upright = await answer([turned], { shape: [2, 1, 3] });
    expect(upright.rows[0]!.map(nearest)).toEqual([...RED, ...BLUE]);
  });

  it('that cannot be decoded is the fault of its row alone', async () => {
    const good = await plain(8, 8, '#f00').png().toBuffer();
    const torn = (await (await halves(512, 512)).jpeg().toBuffer()).subarray(0, 2_000);
    const bomb = await plain(4_097, 4_097).png().toBuffer();
    expect(bomb.length).toBeLessThan(100_000);
    const { rows, faults } = await answer([good, torn, bomb, await plain(8, 8).gif().toBuffer(), good]);
    expect([rows[0], rows[4]]).toEqual([times(8, RED), times(8, RED)]);
    const cannot = (why: string): unknown =>
      expect.stringMatching(`^the image "photo" cannot be decoded: .*${why}`);
    expect(faults).toEqual({
      1: cannot('premature end'),
      2: cannot('exceeds pixel limit'),
      3: cannot('unsupported image format'),
    });
  });

  it('stands in the example of a package: one that cannot be decoded makes it unfit', async () => {
    const folder = await writePhoto(models);
    const files = await readModelFiles(folder);
    const torn = (await plain(64, 64).png().toBuffer()).subarray(0, 50).toString('base64');
    const manifest = { ...files.manifest, example: { photo: torn } };
    runtime = await loadModelRuntime(folder);
    const broken = { ...runtime, manifest };
    await expect(answerExample(broken, { ...files, manifest })).rejects.toThrow(
      '#/example is not answered: the image "photo" cannot be decoded',
    );
  });
});
