import { BatchBody, BatchList } from '../../shared/contract/batch.js';
import { Health, Probe } from '../../shared/contract/health.js';
import { INFERENCE_ANSWERS, InferenceBody } from '../../shared/contract/inference.js';
import { JobBody, JobList, SubmittedJobs } from '../../shared/contract/job.js';
import { ModelBody, ModelList } from '../../shared/contract/model.js';
import { ref } from '../../shared/contract/parts.js';
import { ProblemBody, ProblemTypeBody } from '../../shared/contract/problem.js';
import { Demand, StatsBody } from '../../shared/contract/stats.js';
import { TripRefusal, TripReply } from '../../shared/contract/trip.js';
import type { TSchema } from '../../shared/validation/schema.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { exampleOf } from '../inference/model-tensors.js';
import type { ServedModels } from '../models/served-models.js';
import {
  flatSubmissionSchema,
  manySubmissionsSchema,
  originalCallSchema,
  type SubmissionBounds,
  submissionSchema,
  unnamedSubmissionSchema,
} from '../models/submission-schemas.js';
import { resultSchema } from './result-schema.js';
import type { Json } from './json.js';

/** The schemas of the components: what is answered, and what the models of the catalog take. */
export const componentSchemas = (models: ServedModels): Record<string, TSchema | Json> => ({
  Job: { ...JobBody, properties: { ...JobBody.properties, result: resultOfAny(models) } },
  JobList,
  SubmittedJobs,
  Submitted: {
    description: 'One job, or what became of many.',
    anyOf: [ref('Job'), ref('SubmittedJobs')],
  },
  Batch: BatchBody,
  BatchList,
  BatchUpload: {
    type: 'object',
    description: 'A batch as one JSON document.',
    properties: {
      inputs: {
        type: 'array',
        minItems: 1,
        description: 'Inputs of the model, one a row.',
        items: { description: 'An input of the model. One that breaks its rules becomes a row error.' },
      },
    },
    required: ['inputs'],
    additionalProperties: false,
  },
  Model: ModelBody,
  ModelList,
  Problem: ProblemBody,
  ProblemType: ProblemTypeBody,
  Stats: StatsBody,
  Demand,
  Health,
  Probe,
  TripReply,
  TripRefusal,
  Inference: { ...InferenceBody, examples: [exampleOf(models.default.manifest)] },
  ...INFERENCE_ANSWERS,
  TripCall: originalCallSchema(models.default.manifest),
  ...submissionSchemas(models),
});

function submissionSchemas(models: ServedModels): Record<string, TSchema | Json> {
  const manifests = [...models.byName.values()].map(({ manifest }) => manifest);
  const { most } = models;
  const { manifest } = models.default;
  return {
    Submission: {
      description: 'A job for the model that it names, or for the default model, nested or flat.',
      anyOf: [ref('NamedSubmission'), ref('DefaultSubmission'), ref('FlatSubmission')],
    },
    Submissions: {
      ...manySubmissionsSchema(ref('Submission')),
      examples: [{ jobs: [{ input: manifest.example }, { model: manifest.name, input: manifest.example }] }],
    },
    NamedSubmission: {
      description: 'A job for the model that it names.',
      oneOf: manifests.map(({ name }) => ref(`${name}.submission`)),
      discriminator: {
        propertyName: 'model',
        mapping: Object.fromEntries(
          manifests.map(({ name }) => [name, `#/components/schemas/${name}.submission`]),
        ),
      },
    },
    DefaultSubmission: {
      ...unnamedSubmissionSchema(manifest, most, inputOf(manifest)),
      examples: [{ input: manifest.example }],
    },
    FlatSubmission: { ...flatSubmissionSchema(manifest), examples: [manifest.example] },
    ...Object.fromEntries(manifests.flatMap((each) => ofModel(each, most))),
  };
}

const ofModel = (manifest: Manifest, most: SubmissionBounds): [string, TSchema | Json][] => [
  [
    `${manifest.name}.input`,
    { description: `What ${manifest.name} takes.`, ...manifest.input, examples: [manifest.example] },
  ],
  [`${manifest.name}.submission`, submissionSchema(manifest, most, inputOf(manifest))],
  [`${manifest.name}.result`, resultSchema(manifest)],
];

const resultOfAny = (models: ServedModels): Json => ({
  description:
    'The outputs of the model, once succeeded. The last form is that of a model that is not served any more.',
  anyOf: [
    ...[...models.byName.keys()].map((name) => ref(`${name}.result`)),
    { type: 'object', additionalProperties: true },
  ],
});

const inputOf = ({ name }: Manifest): TSchema => ref(`${name}.input`);
