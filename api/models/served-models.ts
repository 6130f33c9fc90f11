import type { ValidateFunction } from 'ajv';
import { chunkQueueOf } from '../../shared/batches/chunk-queue.js';
import { ConfigError, messageOf } from '../../shared/errors.js';
import type { ModelCatalog } from '../../shared/model/catalog.js';
import { type ColumnLayout, createColumnLayout } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { checkedInput, createInputAjv } from '../../shared/model/checked-input.js';
import { tensorChars } from '../../shared/model/tensor-members.js';
import { ProblemError } from '../http/problem.js';
import {
  flatSubmissionSchema,
  manySubmissionsSchema,
  originalCallSchema,
  type SubmissionBounds,
  submissionSchema,
  unnamedSubmissionSchema,
} from './submission-schemas.js';

/** A model that can be asked, with the check of a submission that names it. */
export interface ServedModel {
  manifest: Manifest;
  /** The queue of its jobs. */
  queue: string;
  /** Bytes by which a body may be larger for the tensors of its input. */
  tensorBytes: number;
  /** `{ model, input, ... }` */
  validateNamed: ValidateFunction;
  /** The checks and the layout of batches. */
  batch: BatchModel;
}

/** Functions that check and pack the rows of a model, and read their results. */
export interface BatchModel {
  /** The queue of its chunks. */
  queue: string;
  layout: ColumnLayout;
  /** Checks one input. */
  validate: ValidateFunction;
}

/** The default model, and the checks of the bodies that do not name their model. */
export interface DefaultModel extends ServedModel {
  /** `{ input, ... }` */
  validateUnnamed: ValidateFunction;
  /** The input's members beside `request_id`. */
  validateFlat: ValidateFunction;
  /** The same, with `request_id` required. */
  validateOriginalCall: ValidateFunction;
  /** `{ jobs }`, without a look at the jobs. */
  validateMany: ValidateFunction;
}

/** Every model of a catalog, ready to check requests: compiled once, replaced as a whole on a reload. */
export interface ServedModels {
  /** The most that a submission may ask for. */
  most: SubmissionBounds;
  byName: ReadonlyMap<string, ServedModel>;
  default: DefaultModel;
  /** The most that any of them has as `tensorBytes`. */
  tensorBytes: number;
  /** Packages that cannot be used, and why. */
  refused: ReadonlyMap<string, string>;
}

const LONGEST_ECHO = 100;

/** The model of this name. Throws a 404 problem when none is served. */
export function modelNamed({ byName }: ServedModels, name: string): ServedModel {
  const model = byName.get(name);
  if (model) return model;
  const known = [...byName.keys()].join(', ');
  throw new ProblemError(
    'model-not-found',
    `there is no model "${name.slice(0, LONGEST_ECHO)}"; there is ${known}`,
  );
}

/** The first of these models that is there answers requests that name no model, unless DEFAULT_MODEL names one. */
const DEFAULT_NAMES = ['trip-duration', 'trip-duration-linear'];

/**
 * Compiles a catalog, each package by itself. Where a package cannot be used, the model that `before` served goes on
 * being served. Throws a ConfigError when there is no default model.
 */
export function serveModels(
  catalog: ModelCatalog,
  { defaultName, most }: { defaultName: string | undefined; most: SubmissionBounds },
  before?: ServedModels,
): ServedModels {
  const byName = new Map<string, ServedModel>();
  const refused = new Map(catalog.refused);
  for (const [name, { manifest }] of catalog.packages) {
    try {
      byName.set(name, serveModel(manifest, most));
    } catch (error) {
      refused.set(name, messageOf(error));
    }
  }
  for (const name of refused.keys()) {
    const old = before?.byName.get(name);
    if (old) byName.set(name, old);
  }
  const tensorBytes = Math.max(0, ...[...byName.values()].map((model) => model.tensorBytes));
  const models = { most, byName, tensorBytes, refused };
  return { ...models, default: serveDefault(models, defaultName) };
}

/** Each model has a compiler of its own, because two packages may use the same `$id`. */
function serveModel(manifest: Manifest, most: SubmissionBounds): ServedModel {
  const ajv = createInputAjv();
  const checked = { ...manifest, input: checkedInput(manifest) };
  return {
    manifest,
    queue: manifest.name,
    tensorBytes: tensorChars(manifest.columns),
    validateNamed: ajv.compile(submissionSchema(checked, most)),
    batch: {
      queue: chunkQueueOf(manifest.name),
      layout: createColumnLayout(manifest),
      validate: ajv.compile(checked.input),
    },
  };
}

function serveDefault(models: Omit<ServedModels, 'default'>, chosen: string | undefined): DefaultModel {
  const model = findDefault(models, chosen);
  const ajv = createInputAjv();
  const checked = { ...model.manifest, input: checkedInput(model.manifest) };
  return {
    ...model,
    validateUnnamed: ajv.compile(unnamedSubmissionSchema(checked, models.most)),
    validateFlat: ajv.compile(flatSubmissionSchema(checked)),
    validateOriginalCall: ajv.compile(originalCallSchema(checked)),
    validateMany: ajv.compile(manySubmissionsSchema()),
  };
}

function findDefault(
  { byName, refused }: Omit<ServedModels, 'default'>,
  chosen: string | undefined,
): ServedModel {
  const known = (candidate: string): boolean => byName.has(candidate) || refused.has(candidate);
  const name = chosen ?? DEFAULT_NAMES.find(known) ?? DEFAULT_NAMES[0] ?? '';
  const model = byName.get(name);
  if (model) return model;
  const says = `DEFAULT_MODEL ${chosen === undefined ? 'is unset, which means' : 'is'} "${name}"`;
  const why = refused.get(name);
  throw new ConfigError([
    why === undefined
      ? `${says}, and there is no such package in MODELS_DIR: set it to one of ${[...byName.keys()].join(', ')}`
      : `${says}, which cannot be used: ${why}`,
  ]);
}
