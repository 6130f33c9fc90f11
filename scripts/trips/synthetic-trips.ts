import { createRandom } from '../lib/random.js';

const ROWS_A_PIECE = 1_000;

/** The trip of the original service's example, as the body that submits it. */
export const exampleInput = (): string =>
  JSON.stringify({ input: { PULocationID: 130, DOLocationID: 205, trip_distance: 3 } });

/** Made-up trips as NDJSON, a thousand a piece, the same every time. */
export function syntheticInputs(rows: number): string[] {
  const trips = syntheticTrips();
  return Array.from({ length: Math.ceil(rows / ROWS_A_PIECE) }, (_, piece) =>
    Array.from({ length: Math.min(ROWS_A_PIECE, rows - piece * ROWS_A_PIECE) }, () => `${trips()}\n`).join(
      '',
    ),
  );
}

/** Makes up trips as JSON, one a call, the same every time. */
export function syntheticTrips(): () => string {
  const random = createRandom(1);
  const zone = (): number => 1 + Math.floor(random.uniform() * 265);
  return () =>
    JSON.stringify({
      PULocationID: zone(),
      DOLocationID: zone(),
      trip_distance: Math.round(random.uniform() * 2_000) / 100,
    });
}
