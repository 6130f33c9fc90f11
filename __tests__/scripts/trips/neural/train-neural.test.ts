import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { evaluateModel } from '../../../../scripts/trips/evaluation.js';
import { trainNeural } from '../../../../scripts/trips/neural/train-neural.js';
import { temporaryFolder, writeMadeUpTrips } from '../trip-data.js';

const folder = temporaryFolder();
const trips = writeMadeUpTrips(join(folder, 'trips.csv'), 6000);

interface Trained {
  weights: Buffer;
  epochs: number[];
  steps: number[];
}

async function train(name: string, file: string, epochCount: number): Promise<Trained> {
  const epochs: number[] = [];
  const steps: number[] = [];
  await trainNeural(
    {
      name: 'trip-duration',
      version: '1.2.3',
      trainFiles: [file],
      validateFiles: [],
      folder: join(folder, name),
      epochs: epochCount,
      seed: 1,
    },
    { onEpoch: ({ epoch }) => epochs.push(epoch), onStep: (step) => steps.push(step) },
  );
  return { weights: readFileSync(join(folder, name, 'weights.bin')), epochs, steps };
}

describe('trainNeural', () => {
  let first: Trained;
  beforeAll(async () => {
    first = await train('first', trips, 6);
  });

  it('tells of every step and epoch', () => {
    expect(first.epochs).toEqual([1, 2, 3, 4, 5, 6]);
    expect(first.steps).toEqual(Array.from({ length: 6 * 8 }, (_, index) => index + 1));
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
    const some = writeMadeUpTrips(join(folder, 'some.csv'), 1500);
    const [one, same] = [await train('one', some, 2), await train('same', some, 2)];
    expect(one.steps).toHaveLength(2 * 2);
    expect(same.weights.equals(one.weights)).toBe(true);
    expect(same.weights.equals(first.weights)).toBe(false);
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
