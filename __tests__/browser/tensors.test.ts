import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { Browser, Page } from 'playwright-core';
import { packModel, writePackage } from '../../scripts/trips/model-package.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { ENGINES } from '../../worker/inference/child/engines/engines.js';
import { describeInBrowser, openPage, startBrowser } from '../support/browser.js';
import { halves, withSharp, writePhoto } from '../support/photos.js';
import { type Service, startService } from '../support/service.js';

// Its input is above 4 KB, so that jobs only link to it.
const SIDE = 40;
const LABELS = ['red', 'green', 'blue'];

const PROPERTIES = {
  picture: { type: 'string', title: 'Picture' },
  bias: { type: 'array', title: 'Bias', description: 'Added to the scores.' },
};
const MANIFEST: Manifest = {
  schema: 1,
  name: 'hue',
  version: '1.0.0',
  title: 'Hue',
  description: 'The colour that a picture has most of.',
  format: 'tfjs-layers',
  input: {
    type: 'object',
    properties: PROPERTIES,
    required: ['picture', 'bias'],
    additionalProperties: false,
  },
  example: { picture: Buffer.alloc(SIDE * SIDE * 3, 'pqr').toString('base64'), bias: [0, 0, 0] },
  columns: [
    { member: 'picture', encoding: 'base64', tensor: 'picture', shape: [SIDE, SIDE, 3], scale: 1 / 255 },
    { member: 'bias', encoding: 'array', tensor: 'bias', shape: [3] },
  ],
  outputs: [
    { member: 'hue', tensor: 'scores', labels: LABELS },
    { member: 'scores', tensor: 'scores', labels: LABELS, top: 3, decimals: 3 },
    { member: 'pixels', tensor: 'pixels', shape: [SIDE, SIDE, 3] },
  ],
  figures: {},
};

/** Writes a package whose scores are the means of the three colours, plus the bias. */
async function writeHue(folder: string): Promise<void> {
  const picture = tfl.input({ shape: [SIDE, SIDE, 3], name: 'picture' });
  const bias = tfl.input({ shape: [3], name: 'bias' });
  const means = tfl.layers.globalAveragePooling2d({}).apply(picture) as tfl.SymbolicTensor;
  const sums = tfl.layers.add().apply([means, bias]) as tfl.SymbolicTensor;
  const scores = tfl.layers.dense({ units: 3, name: 'scores' }).apply(sums) as tfl.SymbolicTensor;
  const pixels = tfl.layers.flatten({ name: 'pixels' }).apply(picture) as tfl.SymbolicTensor;
  const network = tfl.model({ inputs: [picture, bias], outputs: [scores, pixels] });
  const same = [0, 1, 2].map((row) => [0, 1, 2].map((unit) => (unit === row ? 1 : 0)));
  network.getLayer('scores').setWeights([tensor2d(same), tensor1d([0, 0, 0])]);
  writePackage(await packModel(folder, network, MANIFEST), {});
  network.dispose();
}

/** A picture as a PNG, three times as wide as high: its middle is blue, the rest red. */
async function wideFile(page: Page): Promise<{ name: string; mimeType: string; buffer: Buffer }> {
  const url = await page.evaluate<string>(`(() => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [${3 * SIDE}, ${SIDE}];
    const pen = canvas.getContext('2d');
    pen.fillStyle = '#f00';
    pen.fillRect(0, 0, ${3 * SIDE}, ${SIDE});
    pen.fillStyle = '#00f';
    pen.fillRect(${SIDE}, 0, ${SIDE}, ${SIDE});
    return canvas.toDataURL();
  })()`);
  const buffer = Buffer.from(url.split(',')[1] ?? '', 'base64');
  return { name: 'wide.png', mimeType: 'image/png', buffer };
}

describeInBrowser('a model of tensors and labels on the dashboard', () => {
  const models = mkdtempSync(join(tmpdir(), 'waggle-hue-'));
  let service: Service;
  let browser: Browser;

  beforeAll(async () => {
    await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
    await Promise.all([writeHue(join(models, 'hue')), writePhoto(models)]);
    [service, browser] = await Promise.all([
      startService({ MODELS_DIR: models, DEFAULT_MODEL: 'hue', TF_ENGINE: 'wasm', KEEP_INPUT: 'always' }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await service.stop();
    rmSync(models, { recursive: true, force: true });
  });

  const open = (colorScheme: 'light' | 'dark', width: number) =>
    openPage(browser, `${service.url}/dashboard`, { colorScheme, viewport: { width, height: 900 } });

  it('takes a picture as the numbers of its middle, and shows labels, scores and folded numbers', async () => {
    const { page, complaints, barriers, picture } = await open('light', 1280);
    const file = page.getByLabel('Picture', { exact: true });
    await page.getByText(`The model's example`).waitFor();
    await file.setInputFiles(await wideFile(page));
    await page.getByText('As the model gets it').waitFor();
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#trial[data-status="succeeded"]').waitFor();
    expect(await page.locator('#trial .result dd').first().textContent()).toMatch(/^blue/);
    expect(await page.locator('#trial .scores li').allTextContents()).toEqual(['blue1', 'red0', 'green0']);
    const widths = await page
      .locator('#trial .score')
      .evaluateAll((bars) => bars.map((bar) => bar.style.width));
    expect(widths).toEqual(['100%', '0%', '0%']);
    const folded = page.locator('#trial details');
    expect(await folded.locator('summary').textContent()).toBe('40 × 40 × 3 numbers: 0, 0, 1, …');
    await folded.locator('summary').click();
    const blue = Array.from({ length: SIDE }, () => Array.from({ length: SIDE }, () => [0, 0, 1]));
    await page.locator('#trial .all', { hasText: JSON.stringify(blue) }).waitFor();
    await page
      .locator('#jobs .outcome', { hasText: 'hue blue, scores blue (1), pixels 40 × 40 × 3 numbers' })
      .waitFor();
    expect(await barriers()).toEqual([]);
    await picture('dashboard/tensors-light-1280');
    await page.locator('#trial-link').click();
    const panel = page.getByRole('dialog');
    await panel.getByText('Show it').click();
    await panel.getByRole('img', { name: 'Picture of 40 × 40' }).waitFor();
    await panel.locator('.scores').waitFor();
    expect(await barriers()).toEqual([]);
    await picture('dashboard/tensors-job', { fullPage: false });
    expect(complaints).toEqual([]);
  });

  it('takes raw bytes, and says why a file or an array is none of the model', async () => {
    const { page, barriers, picture } = await open('dark', 400);
    const file = page.getByLabel('Picture', { exact: true });
    await file.setInputFiles({ name: 'few.bin', mimeType: '', buffer: Buffer.alloc(5) });
    const error = page.locator('#input-picture-error');
    await error.getByText('must be 4,800 bytes or a picture, and is 5 bytes').waitFor();
    await file.setInputFiles({ name: 'torn.png', mimeType: 'image/png', buffer: Buffer.alloc(5) });
    await error.getByText('is no picture that this browser reads').waitFor();
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#predict-error', { hasText: 'picture cannot be read.' }).waitFor();
    await error.getByText('is no picture that this browser reads').waitFor();
    await page.getByLabel('Bias').fill('[0, 0.5]');
    await file.setInputFiles({ name: 'all.bin', mimeType: '', buffer: Buffer.alloc(4800, 51) });
    await page.getByText('As the model gets it').waitFor();
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#input-bias-error', { hasText: 'must have 3 numbers, and has 2' }).waitFor();
    await page.getByLabel('Bias').fill('[0, 0.5, -0.5]');
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#trial[data-status="succeeded"]').waitFor();
    expect(await page.locator('#trial .scores li').allTextContents()).toEqual([
      'green0.7',
      'red0.2',
      'blue-0.3',
    ]);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
    expect(await barriers()).toEqual([]);
    await picture('dashboard/tensors-dark-400');
  });

  withSharp('of an image', () => {
    it('sends the file as it is, shows it, and says why another file is none', async () => {
      const { page, barriers, picture } = await open('light', 1280);
      await page.locator('#predict-model').selectOption('photo');
      const file = page.getByLabel('Photo', { exact: true });
      await page.getByText(`The model's example`).waitFor();
      await file.setInputFiles({ name: 'note.txt', mimeType: 'text/plain', buffer: Buffer.from('a note') });
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.locator('#input-photo-error', { hasText: 'must be a JPEG, PNG or WebP image' }).waitFor();
      const buffer = await (await halves(64, 32)).png().toBuffer();
      await file.setInputFiles({ name: 'halves.png', mimeType: 'image/png', buffer });
      await page.getByText('As it is sent').waitFor();
      const widthOf = (selector: string): Promise<number> =>
        page.evaluate<number>(`(() => {
          const image = document.querySelector('${selector}');
          return image.decode().then(() => image.naturalWidth);
        })()`);
      expect(await widthOf('.picked img')).toBe(64);
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.locator('#trial[data-status="succeeded"]').waitFor();
      await page.locator('#trial summary', { hasText: '24 numbers: 25' }).waitFor();
      expect(await barriers()).toEqual([]);
      await picture('dashboard/image-light-1280');
      await page.locator('#trial-link').click();
      const panel = page.getByRole('dialog');
      await panel.getByAltText('The image that is sent').waitFor();
      expect(await widthOf('dialog img')).toBe(64);
      expect(await barriers()).toEqual([]);
    });
  });
});
