import type { Manifest } from '../../shared/model/manifest.js';
import { buildLinearNetwork, LINEAR_OUTPUT } from './linear-network.js';
import type { LinearModel } from './linear-regression.js';
import { durationOutput, TRIP_COLUMNS, TRIP_INPUT } from './trip-manifest.js';
import type { PackageContents } from './write-package.js';

/** What a linear package says about itself. */
export type LinearAbout = Pick<Manifest, 'name' | 'version' | 'title' | 'description' | 'figures'>;

/**
 * The package of a linear trip model, from a fit or from imported coefficients, without its card. It accepts a
 * pickup time, as every trip model does, and has no use for it.
 */
export function linearPackage(linear: LinearModel, about: LinearAbout): Omit<PackageContents, 'documents'> {
  const { name, version, title, description, figures } = about;
  return {
    network: buildLinearNetwork(linear),
    manifest: {
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
    },
  };
}
