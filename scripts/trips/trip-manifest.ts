import type { Manifest } from '../../shared/model/manifest.js';
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
export const TRIP_INPUT: Manifest['input'] = {
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
export const TRIP_COLUMNS: Manifest['columns'] = [
  { member: 'PULocationID', encoding: 'integer', tensor: 'zones', dtype: 'float32' },
  { member: 'DOLocationID', encoding: 'integer', tensor: 'zones', dtype: 'float32' },
  { member: 'trip_distance', encoding: 'number', tensor: 'trip_distance' },
];

/** The one answer of every trip model, in output tensor `tensor`. */
export const durationOutput = (tensor: string): Manifest['outputs'][number] => ({
  member: 'duration',
  unit: 'minutes',
  description: 'Predicted duration of the trip.',
  tensor,
  decimals: 4,
});
