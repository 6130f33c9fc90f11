import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseCoefficients } from '../../../../scripts/trips/linear/coefficients.js';
import { importLinear } from '../../../../scripts/trips/linear/import-linear.js';
import { readCatalog } from '../../../../shared/model/catalog.js';
import { loadModelRuntime, type ModelRuntime } from '../../../../worker/inference/child/model-runtime.js';
import { predictOne } from '../predict-one.js';
import { temporaryFolder } from '../trip-data.js';

const folder = temporaryFolder();

describe('importLinear', () => {
  let model: ModelRuntime;
  let pairs: number;
  beforeAll(async () => {
    const file = join(folder, 'coefficients.json');
    const coefficients = { 'PU_DO=130_205': 7.5, 'PU_DO=1_265': -2, trip_distance: 2.25 };
    writeFileSync(file, JSON.stringify({ intercept: 5, coefficients }));
    const imported = { name: 'my-model', version: '2.1.0', file, folder: join(folder, 'my-model') };
    pairs = await importLinear(imported);
    model = await loadModelRuntime(imported.folder);
  });
  afterAll(() => model.dispose());

  it('makes a package that answers as the coefficients say', async () => {
    expect(pairs).toBe(2);
    const trip = (PULocationID: number, DOLocationID: number, trip_distance: number) =>
      predictOne(model, { PULocationID, DOLocationID, trip_distance });
    expect(await trip(130, 205, 3)).toBeCloseTo(5 + 7.5 + 3 * 2.25, 4);
    expect(await trip(1, 265, 0)).toBeCloseTo(5 - 2, 4);
    expect(await trip(205, 130, 1)).toBeCloseTo(5 + 2.25, 4);
  });

  it('takes a pickup time and makes nothing of it', async () => {
    const trip = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
    const withTime = await predictOne(model, { ...trip, pickup_datetime: '2021-02-01T08:15:00' });
    expect(withTime).toBe(await predictOne(model, trip));
  });

  it('is found in a models folder, with a card', () => {
    expect(readCatalog(folder).packages.get('my-model')?.manifest).toMatchObject({
      version: '2.1.0',
      format: 'tfjs-layers',
    });
    expect(readFileSync(join(folder, 'my-model/README.md'), 'utf8')).toContain(
      'imported from the coefficients in',
    );
  });
});

describe('parseCoefficients', () => {
  const problemsOf = (value: unknown): string => {
    try {
      parseCoefficients(value, 'file.json');
    } catch (error) {
      return String(error);
    }
    return 'none';
  };

  it.each([
    ['no object', [], '#/intercept must be a number'],
    ['no coefficients', { intercept: 1 }, '#/coefficients must be an object of numbers'],
    [
      'text for a weight',
      { intercept: 1, coefficients: { 'PU_DO=1_2': '3' } },
      '#/coefficients/PU_DO=1_2 must be a number',
    ],
    [
      'an unknown feature',
      { intercept: 1, coefficients: { passengers: 3 } },
      '#/coefficients/passengers is no feature',
    ],
    ['a zone too far', { intercept: 1, coefficients: { 'PU_DO=1_266': 3 } }, 'names a zone outside 1 to 265'],
    [
      'no distance',
      { intercept: 1, coefficients: { 'PU_DO=1_2': 3 } },
      '#/coefficients/trip_distance is missing',
    ],
  ])('refuses %s', (_, value, message) => expect(problemsOf(value)).toContain(message));

  it('tells every problem at once, up to ten', () => {
    const coefficients = Object.fromEntries(Array.from({ length: 14 }, (_, i) => [`x${i}`, 1]));
    const told = problemsOf({ intercept: 1, coefficients });
    expect(told.match(/is no feature/g)).toHaveLength(10);
    expect(told).toContain('and 4 more');
  });
});
