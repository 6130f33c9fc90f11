import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createRandom } from '../../../scripts/lib/random.js';

const DATA = resolve(__dirname, '../../../../shared/data');

/** A month of real green-taxi trips, beside the repository. */
export const greenTrips = (month: string): string => join(DATA, `green_tripdata_${month}.parquet`);

const isThere = ['2021-01', '2021-02', '2023-01'].every((month) => existsSync(greenTrips(month)));
if (!isThere) {
  process.stderr.write(
    `\nSKIPPED: tests on real trips, since ${DATA} does not hold the green trip files of 2021-01, 2021-02 and 2023-01\n`,
  );
}

/** `describe` for tests on the real files; says aloud when they are absent. */
export const describeWithData = isThere ? describe : describe.skip;

/** A folder that goes when the tests of this file have run. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-trips-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a CSV of made-up trips over a few zones, whose duration follows distance, zones and hour with some noise. */
export function writeMadeUpTrips(file: string, rows: number): string {
  const random = createRandom(42);
  const lines = ['lpep_pickup_datetime,lpep_dropoff_datetime,PULocationID,DOLocationID,trip_distance'];
  for (let row = 0; row < rows; row++) {
    const [pickup, dropoff] = [1 + Math.floor(random.uniform() * 12), 1 + Math.floor(random.uniform() * 12)];
    const miles = row % 50 === 0 ? 0 : 0.5 + random.uniform() * 6;
    const startMs = Date.UTC(2021, 0, 1) + Math.floor(random.uniform() * 28 * 1440) * 60_000;
    const hour = new Date(startMs).getUTCHours();
    const minutes = 3 + (miles || 3) * (hour > 6 && hour < 20 ? 4 : 2.5) + pickup / 3 + random.normal();
    const time = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
    lines.push(
      [time(startMs), time(startMs + Math.max(1, minutes) * 60_000), pickup, dropoff, miles.toFixed(2)].join(
        ',',
      ),
    );
  }
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}
