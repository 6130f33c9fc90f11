import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Manifest } from '../../../shared/model/manifest.js';
import type { ModelFiles } from '../../../worker/inference/parent/model-files.js';
import { packModel } from '../model-package.js';
import { durationOutput, TRIP_COLUMNS, TRIP_INPUT } from '../trip-manifest.js';
import { NETWORK_OUTPUT } from './network.js';

/** The package of a trained network. */
export function packNeural(
  folder: string,
  network: LayersModel,
  { name, version }: Pick<Manifest, 'name' | 'version'>,
): Promise<ModelFiles> {
  return packModel(folder, network, {
    schema: 1,
    name,
    version,
    title: 'Trip duration',
    description:
      'Minutes of a taxi trip from its zones, its distance and, where known, its pickup time; never less for a longer distance.',
    format: 'tfjs-layers',
    input: TRIP_INPUT,
    example: {
      PULocationID: 130,
      DOLocationID: 205,
      trip_distance: 3,
      pickup_datetime: '2021-02-01T08:15:00',
    },
    timezone: 'America/New_York',
    columns: [
      ...TRIP_COLUMNS,
      { member: 'pickup_datetime', encoding: 'minute_of_week', tensor: 'minute_of_week' },
    ],
    outputs: [durationOutput(NETWORK_OUTPUT)],
    figures: {},
  });
}
