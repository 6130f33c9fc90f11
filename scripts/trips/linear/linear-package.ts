import type { Manifest } from '../../../shared/model/manifest.js';
import type { ModelFiles } from '../../../worker/inference/parent/model-files.js';
import { packModel } from '../model-package.js';
import { durationOutput, TRIP_COLUMNS, TRIP_INPUT } from '../trip-manifest.js';
import { buildLinearNetwork, LINEAR_OUTPUT } from './linear-network.js';
import type { LinearModel } from './linear-regression.js';

/** The parts of a linear package that differ from model to model. */
export type LinearAbout = Pick<Manifest, 'name' | 'version' | 'title' | 'description' | 'figures'>;

/**
 * The package of a linear trip model, from a fit or from imported coefficients. It accepts a pickup time, as every
 * trip model does, and has no use for it.
 */
export function packLinear(folder: string, linear: LinearModel, about: LinearAbout): Promise<ModelFiles> {
  const { name, version, title, description, figures } = about;
  return packModel(folder, buildLinearNetwork(linear), {
    schema: 1,
    name,
    version,
    title,
    description,
    format: 'tfjs-layers',
    input: TRIP_INPUT,
    example: { PULocationID: 130, DOLocationID: 205, trip_distance: 3 },
    columns: TRIP_COLUMNS,
    outputs: [durationOutput(LINEAR_OUTPUT)],
    figures,
  });
}
