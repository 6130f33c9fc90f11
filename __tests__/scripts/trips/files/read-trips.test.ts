import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readTrips } from '../../../../scripts/trips/files/read-trips.js';
import type { Trips } from '../../../../scripts/trips/trips.js';
import { describeWithData, greenTrips, temporaryFolder } from '../trip-data.js';

const folder = temporaryFolder();

function csv(name: string, ...lines: string[]): string {
  const file = join(folder, name);
  writeFileSync(file, lines.join('\n'));
  return file;
}

const row = (trips: Trips, index: number) => ({
  from: trips.pickupZone[index],
  to: trips.dropoffZone[index],
  miles: trips.distanceMiles[index],
  minutes: trips.durationMinutes[index],
  at: new Date(trips.pickupLocalMs[index]!).toISOString(),
});

describeWithData('readTrips of Parquet', () => {
  it('reads every trip of 1 to 60 minutes, in the order of the file', async () => {
    const trips = await readTrips([greenTrips('2021-01')]);
    expect(trips.length).toBe(73_908);
    expect(row(trips, 0)).toEqual({
      from: 43,
      to: 151,
      miles: 1.01,
      minutes: expect.closeTo(3 + 56 / 60, 9),
      at: '2021-01-01T00:15:56.000Z',
    });
    expect(Math.min(...trips.durationMinutes)).toBeGreaterThanOrEqual(1);
    expect(Math.max(...trips.durationMinutes)).toBeLessThanOrEqual(60);
  });

  it('reads files whose zones are whole numbers, and leaves out what is too short or too long', async () => {
    const trips = await readTrips([greenTrips('2023-01')]);
    expect(trips.length).toBe(65_946);
    expect(row(trips, 0)).toMatchObject({ from: 166, to: 143, miles: 2.58, at: '2023-01-01T00:26:10.000Z' });
  });

  it('puts several files one after the other', async () => {
    const trips = await readTrips([greenTrips('2021-02'), greenTrips('2021-01')]);
    expect(trips.length).toBe(61_921 + 73_908);
    expect(new Date(trips.pickupLocalMs[0]!).getUTCMonth()).toBe(1);
    expect(new Date(trips.pickupLocalMs[61_921]!).getUTCMonth()).toBe(0);
  });
});

describe('readTrips of CSV', () => {
  it('reads yellow files, quoted or not, with and without seconds', async () => {
    const file = csv(
      'yellow.csv',
      'VendorID,tpep_pickup_datetime,tpep_dropoff_datetime,trip_distance,PULocationID,DOLocationID',
      '2,2021-02-01 08:15:30,2021-02-01 08:25:00,2.5,74,75',
      '"2","2021-02-01T08:15","2021-02-01T08:20","1.25","264","265"',
    );
    const trips = await readTrips([file]);
    expect(row(trips, 0)).toEqual({
      from: 74,
      to: 75,
      miles: 2.5,
      minutes: 9.5,
      at: '2021-02-01T08:15:30.000Z',
    });
    expect(row(trips, 1)).toMatchObject({ from: 264, to: 265, miles: 1.25, minutes: 5 });
  });

  it('reads high-volume for-hire files', async () => {
    const file = csv(
      'fhvhv.csv',
      'hvfhs_license_num,request_datetime,pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,trip_miles',
      'HV0003,2021-02-01 08:10:00,2021-02-01 08:15:00,2021-02-01 08:25:00,10,20,3.75',
    );
    expect(row(await readTrips([file]), 0)).toMatchObject({ from: 10, to: 20, miles: 3.75, minutes: 10 });
  });

  it('reads for-hire files, which have other capitals, no distance and gaps', async () => {
    const file = csv(
      'fhv.csv',
      'dispatching_base_num,pickup_datetime,dropOff_datetime,PUlocationID,DOlocationID,SR_Flag',
      'B00001,2021-02-01 08:15:00,2021-02-01 08:25:00,,20,',
    );
    expect(row(await readTrips([file]), 0)).toMatchObject({ from: 0, to: 20, miles: 0, minutes: 10 });
  });

  it("reads the open-data portal's dates", async () => {
    const file = csv(
      'portal.csv',
      'lpep_pickup_datetime,lpep_dropoff_datetime,PULocationID,DOLocationID,trip_distance',
      '01/31/2021 11:55:00 PM,02/01/2021 12:05:30 AM,1,2,3',
    );
    expect(row(await readTrips([file]), 0)).toMatchObject({ minutes: 10.5, at: '2021-01-31T23:55:00.000Z' });
  });

  it('keeps 1 and 60 minutes and nothing beyond', async () => {
    const ends = ['08:00:59', '08:01:00', '09:00:00', '09:00:01', 'nonsense'];
    const file = csv(
      'range.csv',
      'pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,trip_distance',
      ...ends.map((end) => `2021-02-01 08:00:00,2021-02-01 ${end},1,2,3`),
    );
    expect([...(await readTrips([file])).durationMinutes]).toEqual([1, 60]);
  });

  it('grows past its first capacity', async () => {
    const file = csv(
      'long.csv',
      'pickup_datetime,dropoff_datetime,PULocationID,DOLocationID,trip_distance',
      ...Array.from({ length: 20_000 }, (_, i) => `2021-02-01 08:00:00,2021-02-01 08:10:00,1,2,${i}`),
    );
    const trips = await readTrips([file]);
    expect([trips.length, trips.distanceMiles[19_999]]).toEqual([20_000, 19_999]);
  });
});

describe('readTrips of anything else', () => {
  it.each([
    [
      'a file without the columns',
      csv('no.csv', 'a,b', '1,2'),
      /no column lpep_pickup_datetime or tpep_.*It has: a, b/,
    ],
    ['an empty file', csv('empty.csv', ''), /no column/],
    ['another ending', csv('trips.txt', ''), /must end in .parquet or .csv/],
    ['a file that is not there', join(folder, 'none.parquet'), /cannot be read as trips: .*ENOENT/],
    ['a Parquet file that is none', csv('text.parquet', 'hello, world'), /cannot be read as trips/],
    [
      'a file without a usable trip',
      csv(
        'long-trips.csv',
        'pickup_datetime,dropoff_datetime,PULocationID,DOLocationID',
        '2021-01-01 08:00,2021-01-02 08:00,1,2',
      ),
      /none of the 1 rows is a trip of 1 to 60 minutes/,
    ],
  ])('refuses %s, by name', async (_, file, message) => {
    await expect(readTrips([file])).rejects.toMatchObject({
      code: 'trip_file_invalid',
      message: expect.stringMatching(message),
    });
    await expect(readTrips([file])).rejects.toThrow(file);
  });
});
