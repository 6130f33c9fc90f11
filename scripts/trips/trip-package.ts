import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Manifest } from '../../shared/model/manifest.js';
import type { ModelFiles } from '../../worker/inference/parent/model-files.js';
import { packModel } from './model-package.js';
import { LONGEST_DISTANCE_MILES } from './trips.js';
import { LAST_ZONE } from './zones.js';

type MemberSchema = Manifest['input']['properties'][string] & Record<string, unknown>;

const zone = (title: string): MemberSchema => ({
  type: 'integer',
  minimum: 1,
  maximum: LAST_ZONE,
  title,
  description: 'TLC taxi zone id.',
});

const distance: MemberSchema = {
  type: 'number',
  minimum: 0,
  maximum: LONGEST_DISTANCE_MILES,
  title: 'Distance',
  description: 'Miles; 0 means not recorded.',
};

const pickupTime: MemberSchema = {
  type: 'string',
  format: 'iso-date-time',
  title: 'Pick-up time',
  description: 'RFC 3339. Without an offset it is local New York time, with one it is converted to it.',
};

/** The input of every trip model: what was known when the trip began. */
const TRIP_INPUT: Manifest['input'] = {
  type: 'object',
  properties: {
    PULocationID: zone('Pick-up zone'),
    DOLocationID: zone('Drop-off zone'),
    trip_distance: distance,
    pickup_datetime: pickupTime,
  },
  required: ['PULocationID', 'DOLocationID', 'trip_distance'],
  additionalProperties: false,
};

/** Columns that every trip model takes: both zones side by side in one tensor, and the distance. */
const TRIP_COLUMNS: Manifest['columns'] = [
  { member: 'PULocationID', encoding: 'integer', tensor: 'zones', dtype: 'float32' },
  { member: 'DOLocationID', encoding: 'integer', tensor: 'zones', dtype: 'float32' },
  { member: 'trip_distance', encoding: 'number', tensor: 'trip_distance' },
];

const TIME_COLUMN: Manifest['columns'][number] = {
  member: 'pickup_datetime',
  encoding: 'minute_of_week',
  tensor: 'minute_of_week',
};

/** Name of the output tensor of every trip model, minutes of shape [rows, 1]. */
export const DURATION_TENSOR = 'duration';

/** The parts of a trip model's package that differ from model to model. */
export interface TripModelAbout
  extends Pick<Manifest, 'name' | 'version' | 'title' | 'description' | 'figures'> {
  /** The network has a use for the pickup time. Every trip model accepts one. */
  hasTime: boolean;
}

/** The package of a trip model, in memory. */
export function packTripModel(
  folder: string,
  network: LayersModel,
  { name, version, title, description, figures, hasTime }: TripModelAbout,
): Promise<ModelFiles> {
  const example = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
  return packModel(folder, network, {
    schema: 1,
    name,
    version,
    title,
    description,
    format: 'tfjs-layers',
    input: TRIP_INPUT,
    example: hasTime ? { ...example, pickup_datetime: '2021-02-01T08:15:00' } : example,
    ...(hasTime ? { timezone: 'America/New_York' } : {}),
    columns: hasTime ? [...TRIP_COLUMNS, TIME_COLUMN] : TRIP_COLUMNS,
    outputs: [
      {
        member: 'duration',
        unit: 'minutes',
        description: 'Predicted duration of the trip.',
        tensor: DURATION_TENSOR,
        decimals: 4,
      },
    ],
    figures,
  });
}
