import { resolve } from 'node:path';
import { evaluate } from '../../../scripts/trips/evaluation.js';
import { readTrips } from '../../../scripts/trips/files/read-trips.js';
import { checkMonotonicity } from '../../../scripts/trips/monotonicity.js';
import { loadModelRuntime, type ModelRuntime } from '../../../worker/inference/child/model-runtime.js';
import { predictOne } from './predict-one.js';
import { describeWithData, greenTrips } from './trip-data.js';

const MODELS = resolve(__dirname, '../../../model');
const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };

const loaded: ModelRuntime[] = [];
const load = async (name: string): Promise<ModelRuntime> => {
  const model = await loadModelRuntime(resolve(MODELS, name));
  loaded.push(model);
  return model;
};
afterAll(() => loaded.forEach((model) => model.dispose()));

/** Errors as the manifest of a shipped model states them. */
interface StatedFigures {
  validation: { rows: number; without_time: object; with_time: object };
}

async function expectStatedFigures(model: ModelRuntime): Promise<{ withoutTime: number; withTime: number }> {
  const { withoutTime, withTime, rows } = await evaluate(model, await readTrips([greenTrips('2021-02')]));
  const stated = (model.manifest.figures as unknown as StatedFigures).validation;
  const near = ({ rmse, mae }: { rmse: number; mae: number }) => ({
    rmse: expect.closeTo(rmse, 3),
    mae: expect.closeTo(mae, 3),
  });
  expect(stated).toMatchObject({
    rows,
    without_time: near(withoutTime.errors),
    with_time: near(withTime.errors),
  });
  return { withoutTime: withoutTime.errors.rmse, withTime: withTime.errors.rmse };
}

describe('trip-duration-linear', () => {
  it("gives the original service's answer", async () => {
    const minutes = await predictOne(await load('trip-duration-linear'), TRIP);
    expect(minutes).toBeCloseTo(12.7735, 3);
    expect(Math.abs(minutes / 12.785509620119132 - 1)).toBeLessThan(1e-3);
  });
});

describeWithData('figures of the shipped models on a month they have not seen', () => {
  it('trip-duration-linear: as published for the original service', async () => {
    const { withoutTime } = await expectStatedFigures(await load('trip-duration-linear'));
    expect(withoutTime).toBeCloseTo(7.48, 2);
  });

  it('trip-duration: as stated, and within 5.95 minutes without and 5.45 with a pickup time', async () => {
    const { withoutTime, withTime } = await expectStatedFigures(await load('trip-duration'));
    expect(withoutTime).toBeLessThanOrEqual(5.95);
    expect(withTime).toBeLessThanOrEqual(5.45);
  });
});

describe('trip-duration', () => {
  let model: ModelRuntime;
  beforeAll(async () => {
    model = await load('trip-duration');
  });

  it('never answers less for a longer distance', async () => {
    const { falls, steps } = await checkMonotonicity(model, 200);
    expect({ falls, tried: steps > 50_000 }).toEqual({ falls: 0, tried: true });
  });

  it('answers distance 0 as not recorded, not as no way at all', async () => {
    const [unknown, short] = await Promise.all([
      predictOne(model, { ...TRIP, trip_distance: 0 }),
      predictOne(model, { ...TRIP, trip_distance: 0.01 }),
    ]);
    expect(unknown).toBeGreaterThan(short + 1);
  });

  it('tells the rush hour from the night, whatever offset the time is written with', async () => {
    const at = (pickup_datetime: string) => predictOne(model, { ...TRIP, pickup_datetime });
    const monday = await at('2021-02-01T16:30:00');
    expect(monday).toBeGreaterThan((await at('2021-02-07T04:00:00')) + 1);
    expect(await at('2021-02-01T16:30:00-05:00')).toBe(monday);
    expect(await at('2021-02-01T21:30:00Z')).toBe(monday);
  });

  it('answers zones without trips, and ids that are none, like a trip somewhere', async () => {
    const batch = model.layout.allocate(4);
    const zones = [
      [1, 44],
      [0, 0],
      [999, -7],
      [265, 264],
    ];
    zones.forEach(([PULocationID, DOLocationID], row) =>
      model.layout.write(batch, row, { PULocationID, DOLocationID, trip_distance: 5 }),
    );
    const { outputs } = await model.predict(batch);
    for (const minutes of outputs[0]!) {
      expect(minutes).toBeGreaterThan(5);
      expect(minutes).toBeLessThan(45);
    }
  });

  it('answers a row alone as it does among others', async () => {
    const batch = model.layout.allocate(1000);
    for (let row = 0; row < batch.rows; row++) {
      model.layout.write(batch, row, { ...TRIP, trip_distance: row / 10 });
    }
    const { outputs } = await model.predict(batch);
    for (const row of [0, 1, 30, 999]) {
      expect(await predictOne(model, { ...TRIP, trip_distance: row / 10 })).toBeCloseTo(outputs[0]![row]!, 4);
    }
    expect(Math.min(...outputs[0]!)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...outputs[0]!)).toBeLessThanOrEqual(60);
  });
});
