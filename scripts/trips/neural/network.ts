import tfl = require('@tensorflow/tfjs-layers');
import { MINUTES_PER_WEEK } from '../../../shared/model/minute-of-week.js';
import {
  clip,
  connect,
  frozenDense,
  frozenTable,
  knownZones,
  type Node,
  pairPosition,
} from '../frozen-layers.js';
import { type Lookups, PAIR_LOOKUPS, ZONE_LOOKUPS } from './lookups.js';
import { createHead, normals } from './network-head.js';
import type { Random } from '../../lib/random.js';
import { DURATION_TENSOR } from '../trip-package.js';
import { DURATION_RANGE_MINUTES } from '../trips.js';
import { ZONE_ROWS } from '../zones.js';

/** Numbers that training finds for a zone as an origin, and as many for it as a destination. */
const ZONE_EMBEDDING = 8;
const ZONE_WIDTH = ZONE_EMBEDDING + ZONE_LOOKUPS;
/** Numbers a time of the week becomes. */
const TIME_WIDTH = 11;

/** A network to be trained. Both models share every layer that training changes. */
export interface TripNetwork {
  /**
   * Takes the look-ups as inputs, because a training row may only see tables that do not rest on itself: `zones`
   * [rows, 2], `zone_lookups` [rows, 2, 2], `pair_lookups` [rows, 4], `minute_of_week` [rows, 1], `trip_distance`
   * [rows, 1]. Answers minutes beyond the first, not clipped.
   */
  training: tfl.LayersModel;
  /** The network on raw columns, with the look-ups as tables inside; answers minutes, clipped to 1..60. */
  serving: (lookups: Lookups) => tfl.LayersModel;
}

/** A network with seeded random weights. */
export function createNetwork(random: Random): TripNetwork {
  const shared: SharedLayers = {
    embedding: tfl.layers.embedding({
      name: 'zone_embedding',
      inputDim: 2 * ZONE_ROWS,
      outputDim: ZONE_EMBEDDING,
      weights: [normals(random, [2 * ZONE_ROWS, ZONE_EMBEDDING], 0.05)],
    }),
    time: frozenTable('time_of_week', TIME_WIDTH, timeTable()),
    head: createHead(random, 2 * ZONE_WIDTH + PAIR_LOOKUPS + TIME_WIDTH),
  };
  return { training: buildTraining(shared), serving: (lookups) => buildServing(shared, lookups) };
}

interface SharedLayers {
  /** Trained numbers of every zone as an origin, then of every zone as a destination. */
  embedding: ReturnType<typeof tfl.layers.embedding>;
  time: ReturnType<typeof frozenTable>;
  head: (features: Node, distance: Node) => Node;
}

function buildTraining({ embedding, time, head }: SharedLayers): tfl.LayersModel {
  const raw = rawInputs();
  const zoneLookups = tfl.input({ shape: [2, ZONE_LOOKUPS], name: 'zone_lookups' });
  const pairLookups = tfl.input({ shape: [PAIR_LOOKUPS], name: 'pair_lookups' });
  const embedded = connect(embedding, zonePosition(raw.zones));
  const features = join('training_features', [
    flat('zone_features', join('zone_numbers', [embedded, zoneLookups])),
    pairLookups,
    flat('time_features', connect(time, raw.minuteOfWeek)),
  ]);
  return tfl.model({
    inputs: [raw.zones, zoneLookups, pairLookups, raw.minuteOfWeek, raw.distance],
    outputs: head(features, raw.distance),
  });
}

function buildServing({ embedding, time, head }: SharedLayers, lookups: Lookups): tfl.LayersModel {
  const raw = rawInputs();
  const zones = knownZones(raw.zones);
  // Trained numbers and look-ups of a zone side by side, as training joined them: one table, one look-up.
  const trained = embedding.getWeights()[0]!.dataSync<'float32'>();
  const zoneNumbers = joinRows(trained, lookups.zones, 2 * ZONE_ROWS);
  const zoneTable = frozenTable('zone_table', ZONE_WIDTH, zoneNumbers);
  const pairTable = frozenTable('pair_table', PAIR_LOOKUPS, lookups.pairs);
  const features = join('features', [
    flat('zone_features', connect(zoneTable, zonePosition(zones))),
    flat('pair_features', connect(pairTable, pairPosition(zones))),
    flat('time_features', connect(time, raw.minuteOfWeek)),
  ]);
  return tfl.model({
    name: 'trip_duration',
    inputs: [raw.zones, raw.minuteOfWeek, raw.distance],
    outputs: clippedMinutes(head(features, raw.distance)),
  });
}

const rawInputs = () => ({
  zones: tfl.input({ shape: [2], name: 'zones' }),
  minuteOfWeek: tfl.input({ shape: [1], name: 'minute_of_week', dtype: 'int32' }),
  distance: tfl.input({ shape: [1], name: 'trip_distance' }),
});

/** Rows of origin and destination in a table that lists every zone as an origin, then every zone as a destination. */
const zonePosition = (zones: Node): Node =>
  connect(
    frozenDense(
      'zone_position',
      [
        [1, 0],
        [0, 1],
      ],
      [0, ZONE_ROWS],
    ),
    zones,
  );

const flat = (name: string, node: Node): Node => connect(tfl.layers.flatten({ name }), node);

const join = (name: string, nodes: Node[]): Node => connect(tfl.layers.concatenate({ name }), nodes);

/** Minutes beyond the first as minutes between 1 and 60. */
function clippedMinutes(beyondFirst: Node): Node {
  const { minimum, maximum } = DURATION_RANGE_MINUTES;
  const clipped = connect(clip('minutes_clipped', maximum - minimum), beyondFirst);
  return connect(frozenDense(DURATION_TENSOR, [[1]], [minimum]), clipped);
}

/** Two tables side by side as one. */
function joinRows(left: Float32Array, right: Float32Array, rows: number): Float32Array {
  const leftWidth = left.length / rows;
  const rightWidth = right.length / rows;
  const joined = new Float32Array(left.length + right.length);
  for (let row = 0; row < rows; row++) {
    joined.set(left.subarray(row * leftWidth, (row + 1) * leftWidth), row * (leftWidth + rightWidth));
    const at = row * (leftWidth + rightWidth) + leftWidth;
    joined.set(right.subarray(row * rightWidth, (row + 1) * rightWidth), at);
  }
  return joined;
}

/**
 * Table by `minute_of_week` (0 = unknown, a row of zeros): whether it is known, the hour of the day as three
 * harmonics, the hour of the week as one, and whether it is a weekend or a Sunday.
 */
function timeTable(): Float32Array {
  const table = new Float32Array((MINUTES_PER_WEEK + 1) * TIME_WIDTH);
  for (let minute = 0; minute < MINUTES_PER_WEEK; minute++) {
    const weekday = Math.floor(minute / 1440);
    const day = (2 * Math.PI * (minute % 1440)) / 1440;
    const week = (2 * Math.PI * minute) / MINUTES_PER_WEEK;
    const harmonics = [1, 2, 3].flatMap((k) => [Math.sin(k * day), Math.cos(k * day)]);
    const weekend = weekday === 0 || weekday === 6 ? 1 : 0;
    const row = [1, ...harmonics, Math.sin(week), Math.cos(week), weekend, weekday === 0 ? 1 : 0];
    table.set(row, (minute + 1) * TIME_WIDTH);
  }
  return table;
}
