import type { ValidateFunction } from 'ajv';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { ConfigError } from '../../shared/errors.js';
import type { ModelCatalog } from '../../shared/model/catalog.js';
import { type ColumnLayout, createColumnLayout } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { createRowReader, type ReadRow } from '../../shared/model/row-reader.js';
import { createAjv } from '../../shared/validation/ajv.js';
import {
  flatSubmissionSchema,
  originalCallSchema,
  type SubmissionBounds,
  submissionSchema,
  unnamedSubmissionSchema,
} from './submission-schemas.js';

/** A model that can be asked, with the check of a submission that names it. */
export interface ServedModel {
  manifest: Manifest;
  /** Where its jobs wait. */
  queue: string;
  /** `{ model, input, ... }` */
  validateNamed: ValidateFunction;
  /** What batches of rows need. */
  batch: BatchModel;
}

/** How rows are checked and packed, and how results are read. */
export interface BatchModel {
  /** Where its chunks wait. */
  queue: string;
  layout: ColumnLayout;
  /** Checks one input. */
  validate: ValidateFunction;
  readRow: ReadRow;
}

/** The default model, and the checks of the bodies that do not name their model. */
export interface DefaultModel extends ServedModel {
  /** `{ input, ... }` */
  validateUnnamed: ValidateFunction;
  /** The input's members beside `request_id`. */
  validateFlat: ValidateFunction;
  /** The same, with `request_id` required. */
  validateOriginalCall: ValidateFunction;
}

/** Every model of a catalog, ready to check requests: compiled once, replaced as a whole on a reload. */
export interface ServedModels {
  /** The most that a submission may ask for. */
  most: SubmissionBounds;
  byName: ReadonlyMap<string, ServedModel>;
  default: DefaultModel;
}

/** The first of these that there is answers requests that name no model, unless DEFAULT_MODEL says which. */
const DEFAULT_NAMES = ['trip-duration', 'trip-duration-linear'];

/** Compiles a catalog. Throws a ConfigError when the default model is not in it. */
export function serveModels(
  catalog: ModelCatalog,
  { defaultName, most }: { defaultName: string | undefined; most: SubmissionBounds },
): ServedModels {
  const ajv = createAjv();
  const byName = new Map<string, ServedModel>();
  for (const { manifest } of catalog.values()) {
    byName.set(manifest.name, {
      manifest,
      queue: manifest.name,
      validateNamed: ajv.compile(submissionSchema(manifest, most)),
      batch: {
        queue: chunkQueueOf(manifest.name),
        layout: createColumnLayout(manifest),
        validate: ajv.compile(manifest.input),
        readRow: createRowReader(manifest),
      },
    });
  }
  const model = findDefault(byName, defaultName);
  return {
    most,
    byName,
    default: {
      ...model,
      validateUnnamed: ajv.compile(unnamedSubmissionSchema(model.manifest, most)),
      validateFlat: ajv.compile(flatSubmissionSchema(model.manifest)),
      validateOriginalCall: ajv.compile(originalCallSchema(model.manifest)),
    },
  };
}

function findDefault(byName: ReadonlyMap<string, ServedModel>, chosen: string | undefined): ServedModel {
  const name = chosen ?? DEFAULT_NAMES.find((candidate) => byName.has(candidate)) ?? DEFAULT_NAMES[0] ?? '';
  const model = byName.get(name);
  if (model) return model;
  throw new ConfigError([
    `DEFAULT_MODEL ${chosen === undefined ? 'is unset, which means' : 'is'} "${name}", and there is no such package ` +
      `in MODELS_DIR: set it to one of ${[...byName.keys()].join(', ')}`,
  ]);
}
