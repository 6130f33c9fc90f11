import { minuteOfWeekOf, recordedDistance, selectTrips, type Trips } from '../../../scripts/trips/trips.js';
import { createMinuteOfWeek } from '../../../shared/model/minute-of-week.js';

describe('minuteOfWeekOf', () => {
  it.each(['2021-01-03T00:00:00', '2021-01-09T23:59:59', '2021-02-01T08:15:30', '1969-07-20T20:17:40'])(
    'counts %s as the service does',
    (text) => {
      expect(minuteOfWeekOf(Date.parse(`${text}Z`))).toBe(createMinuteOfWeek('America/New_York')(text));
    },
  );
});

describe('recordedDistance', () => {
  it.each([
    [0.01, 0.01],
    [100, 100],
    [0, 0],
    [-3, 0],
    [100.01, 0],
    [Number.NaN, 0],
  ])('takes %d miles as %d', (miles, expected) => expect(recordedDistance(miles)).toBe(expected));
});

it('selects rows in the order asked for', () => {
  const trips: Trips = {
    length: 3,
    pickupZone: Int32Array.of(1, 2, 3),
    dropoffZone: Int32Array.of(4, 5, 6),
    distanceMiles: Float64Array.of(0.1, 0.2, 0.3),
    pickupLocalMs: Float64Array.of(10, 20, 30),
    durationMinutes: Float64Array.of(1, 2, 3),
  };
  expect(selectTrips(trips, [2, 0])).toEqual({
    length: 2,
    pickupZone: Int32Array.of(3, 1),
    dropoffZone: Int32Array.of(6, 4),
    distanceMiles: Float64Array.of(0.3, 0.1),
    pickupLocalMs: Float64Array.of(30, 10),
    durationMinutes: Float64Array.of(3, 1),
  });
});
