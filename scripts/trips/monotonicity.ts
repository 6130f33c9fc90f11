import type { ModelRuntime } from '../../worker/inference/child/model-runtime.js';
import { createRandom } from '../lib/random.js';
import { LONGEST_DISTANCE_MILES } from './trips.js';
import { LAST_ZONE } from './zones.js';

/** Miles that are tried one after the other: every hundredth to 1, every tenth to 20, every mile to 100. */
const DISTANCES = [
  ...Array.from({ length: 99 }, (_, step) => (step + 1) / 100),
  ...Array.from({ length: 190 }, (_, step) => 1 + step / 10),
  ...Array.from({ length: LONGEST_DISTANCE_MILES - 19 }, (_, step) => 20 + step),
];

/** Rounding of 32-bit sums, in minutes: a fall smaller than this is none. */
const ROUNDING_MINUTES = 1e-4;

/** Result of a check of monotonicity. */
export interface MonotonicityCheck {
  curves: number;
  steps: number;
  /** Steps to a longer distance at which the prediction fell. */
  falls: number;
}

/**
 * Walks from the shortest distance to the longest for `curves` random pairs of zones, every other one with a pickup
 * time, and counts where a longer distance lowered the prediction.
 */
export async function checkMonotonicity(model: ModelRuntime, curves: number): Promise<MonotonicityCheck> {
  const random = createRandom(1);
  const integer = (below: number): number => Math.floor(random.uniform() * below);
  let falls = 0;
  for (let curve = 0; curve < curves; curve++) {
    const batch = model.layout.allocate(DISTANCES.length);
    const input = {
      PULocationID: 1 + integer(LAST_ZONE),
      DOLocationID: 1 + integer(LAST_ZONE),
      ...(curve % 2 === 0 ? {} : { pickup_datetime: randomTime(integer) }),
    };
    DISTANCES.forEach((miles, row) => model.layout.write(batch, row, { ...input, trip_distance: miles }));
    const minutes = (await model.predict(batch)).outputs[0]!;
    for (let row = 1; row < minutes.length; row++) {
      if (minutes[row]! < minutes[row - 1]! - ROUNDING_MINUTES) falls++;
    }
  }
  return { curves, steps: curves * (DISTANCES.length - 1), falls };
}

/** Some minute of a week. */
function randomTime(integer: (below: number) => number): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `2021-02-${two(1 + integer(7))}T${two(integer(24))}:${two(integer(60))}:00`;
}
