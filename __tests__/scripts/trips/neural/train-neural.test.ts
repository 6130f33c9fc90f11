import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateModel } from '../../../../scripts/trips/evaluation.js';
import { fitNeural, trainNeural } from '../../../../scripts/trips/neural/train-neural.js';
import { temporaryFolder, writeMadeUpTrips } from '../trip-data.js';

const folder = temporaryFolder();
const trips = writeMadeUpTrips(join(folder, 'trips.csv'), 6000);

const training = {
  name: 'trip-duration',
  version: '1.2.3',
  trainFiles: [trips],
  validateFiles: [],
  folder: join(folder, 'first'),
  epochs: 6,
  seed: 1,
};

describe('trainNeural', () => {
  const epochs: number[] = [];
  const steps: number[] = [];
  beforeAll(() =>
    trainNeural(training, {
      onEpoch: ({ epoch }) => epochs.push(epoch),
      onStep: (step) => steps.push(step),
    }),
  );

  it('tells of every step and epoch', () => {
    expect(epochs).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps).toEqual(Array.from({ length: 6 * 8 }, (_, index) => index + 1));
  });

  it('writes a package that does as its manifest says', async () => {
    const { manifest, evaluation } = await evaluateModel(join(folder, 'first'), [trips]);
    expect(manifest).toMatchObject({
      version: '1.2.3',
      timezone: 'America/New_York',
      figures: {
        training: { rows: 4800, seed: 1, epochs: 6 },
        validation: { rows: 1200, files: ['trips.csv (last fifth by time)'] },
        monotonicity: { falls: 0 },
      },
    });
    // The trips' durations deviate by 9 minutes from their mean.
    expect(evaluation.withoutTime.errors.rmse).toBeLessThan(6.5);
    expect(evaluation.withTime.errors.rmse).toBeLessThan(evaluation.withoutTime.errors.rmse);
  });

  it('writes the card, with notes kept by hand, and every picture it shows', () => {
    const files = readdirSync(join(folder, 'first'));
    const card = readFileSync(join(folder, 'first', 'README.md'), 'utf8');
    const shown = [...card.matchAll(/]\(([\w-]+\.svg)\)/g)].map((match) => match[1]);
    expect(shown).toHaveLength(5);
    expect(files).toEqual(expect.arrayContaining([...shown, 'manifest.json', 'model.json', 'weights.bin']));
    expect(card).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('gives the same weights for the same seed and files', async () => {
    const written = readFileSync(join(folder, 'first', 'weights.bin'));
    // What a training checks once it has its weights does not change them.
    const again = await fitNeural({ ...training, folder: join(folder, 'again') }, {});
    const other = await fitNeural({ ...training, folder: join(folder, 'other'), epochs: 1 }, {});
    expect(written.equals(again.files.weights)).toBe(true);
    expect(written.equals(other.files.weights)).toBe(false);
  });

  it('refuses too few trips', async () => {
    const few = writeMadeUpTrips(join(folder, 'few.csv'), 100);
    const request = {
      name: 'x',
      version: '1.0.0',
      trainFiles: [few],
      validateFiles: [few],
      epochs: 1,
      seed: 1,
    };
    await expect(trainNeural({ ...request, folder: join(folder, 'few') }, {})).rejects.toThrow(
      /few.csv: 100 trips of 1 to 60 minutes are too few to train on: at least 1000 are needed/,
    );
  });
});
