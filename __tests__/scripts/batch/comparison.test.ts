import { addError, errorFigures } from '../../../scripts/batch/accuracy.js';
import { type ActualReader, columnReader, comparisonFor } from '../../../scripts/batch/comparison.js';
import { objectValues } from '../../../scripts/batch/input/source.js';
import { errorsOf } from '../../../scripts/trips/metrics.js';

const model = { outputs: [{ member: 'duration', unit: 'minutes' }] };
const trip = [
  'lpep_pickup_datetime',
  'lpep_dropoff_datetime',
  'PULocationID',
  'DOLocationID',
  'trip_distance',
];

const tripOf = (pickup: string, dropoff: string) => ({
  lpep_pickup_datetime: pickup,
  lpep_dropoff_datetime: dropoff,
});

/** What is read from one row. */
const readBy = (reader: ActualReader | undefined, values: Record<string, unknown>): number | undefined =>
  reader?.(objectValues([values], new Map()))(0);

describe('what results are compared with', () => {
  it('is the column that is named', () => {
    const comparison = comparisonFor(model, [...trip, 'took'], 'took');
    expect(comparison).toMatchObject({ output: 'duration', unit: 'minutes', actual: 'took' });
    expect(readBy(comparison?.actualOf, { took: '12.5' })).toBe(12.5);
    expect(() => comparisonFor(model, ['a', 'b'], 'took')).toThrow(
      '--actual took: the file has no such column; it has a, b',
    );
  });

  it('is drop-off minus pick-up of trips of 1 to 60 minutes', () => {
    const actualOf = comparisonFor(model, trip, undefined)?.actualOf;
    expect(readBy(actualOf, tripOf('2021-02-01T00:34:03', '2021-02-01T00:51:58'))).toBeCloseTo(17.9167, 4);
    expect(readBy(actualOf, tripOf('2021-02-01 23:50:00', '2021-02-02 00:50:00'))).toBe(60);
    expect(readBy(actualOf, tripOf('2021-02-01T00:00:00', '2021-02-01T00:00:59'))).toBeUndefined();
    expect(readBy(actualOf, tripOf('2021-02-01T00:00:00', '2021-02-01T01:00:01'))).toBeUndefined();
    expect(readBy(actualOf, tripOf('', 'soon'))).toBeUndefined();
    expect(readBy(actualOf, {})).toBeUndefined();
  });

  it('is nothing for other files, and for models that answer in something else', () => {
    expect(comparisonFor(model, ['a', 'b'], undefined)).toBeUndefined();
    expect(comparisonFor({ outputs: [{ member: 'fare', unit: 'USD' }] }, trip, undefined)).toBeUndefined();
  });
});

describe('accuracy', () => {
  it('is what it is over all rows at once, also when taken up in between', () => {
    const predicted = [1, 2.5, 3, 10];
    const actual = [2, 2, 2.25, 8];
    const first = { rows: 0, squared: 0, absolute: 0 };
    addError(first, predicted[0], actual[0] ?? 0);
    const rest = structuredClone(first);
    for (const row of [1, 2, 3]) addError(rest, predicted[row], actual[row] ?? 0);
    const { rmse, mae } = errorsOf(predicted, actual);
    expect(errorFigures(rest)).toEqual({ rows: 4, rmse, mae });
  });

  it('leaves out rows without a result or without anything to compare', () => {
    const sums = { rows: 0, squared: 0, absolute: 0 };
    addError(sums, undefined, 1);
    addError(sums, 1, Number.NaN);
    expect(errorFigures(sums)).toBeUndefined();
  });

  it.each([
    ['1.5', 1.5],
    [2, 2],
    ['', undefined],
    [null, undefined],
    ['n/a', Number.NaN],
  ])('reads %j as %d', (value, expected) => {
    expect(readBy(columnReader('x'), { x: value })).toEqual(expected);
  });
});
