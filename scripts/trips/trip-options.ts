import { type Command, InvalidArgumentError } from 'commander';

/** The flags of a taxi trip, as a command line has them. */
export interface TripOptions {
  pu?: number;
  do?: number;
  distance?: number;
  pickup?: string;
}

/** Arguments of `waggle submit` to try, for its help. */
export const TRIP_EXAMPLES = [
  '--pu 130 --do 205 --distance 3',
  '--pu 130 --do 205 --distance 3 --pickup 2021-02-01T08:15:00',
  `--input '{"PULocationID":130,"DOLocationID":205,"trip_distance":3}' --model trip-duration-linear`,
  '--pu 130 --do 205 --distance 3 --json | tail -1 | jq .result',
];

/** Adds the flags that describe one trip. */
export function addTripOptions(command: Command): Command {
  return command
    .option('--pu <zone>', 'pick-up zone of a trip, 1 to 265', parseNumber)
    .option('--do <zone>', 'drop-off zone, 1 to 265', parseNumber)
    .option('--distance <miles>', 'length of the trip, 0 to 100; 0 if it is not known', parseNumber)
    .option(
      '--pickup <time>',
      'when the trip starts: New York time, or with an offset, as in 2021-02-01T08:15:00',
    );
}

/** The input of a trip model for these flags; undefined when none was given. Its bounds are the server's to check. */
export function tripInput({
  pu,
  do: dropOff,
  distance,
  pickup,
}: TripOptions): Record<string, unknown> | undefined {
  const input = {
    ...(pu === undefined ? {} : { PULocationID: pu }),
    ...(dropOff === undefined ? {} : { DOLocationID: dropOff }),
    ...(distance === undefined ? {} : { trip_distance: distance }),
    ...(pickup === undefined ? {} : { pickup_datetime: pickup }),
  };
  return Object.keys(input).length === 0 ? undefined : input;
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}
