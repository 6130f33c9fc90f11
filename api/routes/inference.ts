import { ref } from '../../shared/contract/parts.js';
import { softwareVersion } from '../../shared/process/software-version.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { parsePrefer, preferenceApplied } from '../http/prefer.js';
import { ProblemError } from '../http/problem.js';
import { infer, type Inferred } from '../inference/infer.js';
import { inputTensors, outputTensors, type TensorInfo } from '../inference/model-tensors.js';
import { type Inference, readInference } from '../inference/read-inference.js';
import { toBinary } from '../inference/tensors.js';
import { modelNamed, type ServedModel } from '../models/served-models.js';
import { standingOf } from '../models/serving.js';
import { json, type Operation, problems } from '../openapi/operation.js';
import { readinessOf } from './health.js';
import type { Handle, Route } from './route.js';

const VERSION = softwareVersion();
const BINARY = { type: 'string', description: 'JSON, and behind it the binary tensors one after the other.' };

/** The Open Inference Protocol, version 2, by https://github.com/kserve/open-inference-protocol, with Triton's binary tensors. */
export const inferenceRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/v2',
    operation: {
      id: 'getServerMetadata',
      tag: 'inference',
      summary: 'The service',
      description: 'Its name, its version and the extensions of the protocol that it has.',
      parameters: ['RequestIdHeader'],
      answers: { 200: json('InferenceServer', 'The service.') },
    },
    handle: (exchange) =>
      exchange.sendJson(200, {
        name: 'waggle',
        version: VERSION,
        extensions: ['binary_tensor_data'],
      }),
  },
  {
    method: 'get',
    path: '/v2/health/live',
    isPublic: true,
    operation: {
      id: 'getServerLive',
      tag: 'inference',
      summary: 'Whether the process is up',
      description: 'Answered without a key.',
      answers: { 200: json('ServerLive', 'It is.') },
    },
    handle: (exchange) => exchange.sendJson(200, { live: true }),
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    isPublic: true,
    operation: {
      id: 'getServerReady',
      tag: 'inference',
      summary: 'Whether work should be sent to this process',
      description: 'As `GET /health/ready` has it, and without a key.',
      answers: {
        200: json('ServerReady', 'It should.'),
        503: json('ServerReady', 'It should not.'),
      },
    },
    async handle(exchange, ctx) {
      const { ready } = await readinessOf(ctx);
      exchange.sendJson(ready ? 200 : 503, { ready });
    },
  },
  ...ofModel('get', '', describe, {
    id: 'getModelMetadata',
    summary: 'The tensors of a model',
    description: 'Names, datatypes and shapes of what it takes and gives.',
    answers: { 200: json('InferenceModel', 'The model.'), ...problems('model-not-found') },
  }),
  ...ofModel('get', '/ready', tellReady, {
    id: 'getModelReady',
    summary: 'Whether a worker serves a model',
    description: 'Predictions are accepted without a worker, too: they wait for one.',
    answers: {
      200: json('ModelReady', 'One does.'),
      503: json('ModelReady', 'None does, or the store does not answer.', {
        optionalHeaders: ['Retry-After'],
      }),
      ...problems('model-not-found'),
    },
  }),
  ...ofModel('post', '/infer', answerInference, {
    id: 'infer',
    summary: 'Predict, and wait for it',
    description:
      'Up to 64 rows run as jobs, more as a strict batch. A minute is waited at most, or as long as `Prefer: wait` says. ' +
      'With `respond-async` the jobs or the batch are the answer.',
    parameters: ['Prefer', 'InferenceHeaderLength', 'RequestIdHeader', 'Traceparent'],
    body: () => ref('Inference'),
    otherBodies: { 'application/octet-stream': BINARY },
    answers: {
      200: {
        description: 'The outputs of all rows.',
        content: { 'application/json': ref('InferenceAnswer'), 'application/octet-stream': BINARY },
        headers: ['Vary', 'Cache-Control'],
        optionalHeaders: ['Inference-Header-Content-Length'],
      },
      202: {
        description: 'With `respond-async`: the job, the jobs, or the batch.',
        content: { 'application/json': { anyOf: [ref('Submitted'), ref('Batch')] } },
        headers: ['Retry-After', 'Vary', 'Preference-Applied', 'Cache-Control'],
        optionalHeaders: ['Location'],
      },
      ...problems(
        'malformed-inference',
        'lane-not-allowed',
        'model-not-found',
        'request-timeout',
        'body-too-large',
        'batch-too-large',
        'unsupported-media-type',
        'batch-over-rate-limit',
        'too-many-waiting',
        'inference-failed',
        'queue-full',
        'model-not-served',
        'redis-unavailable',
        'draining',
        'inference-timeout',
      ),
    },
  }),
];

/** The routes of a model, with its version in the path and without. */
function ofModel(
  method: 'get' | 'post',
  action: string,
  handle: Handle,
  operation: Omit<Operation, 'tag'>,
): Route[] {
  return ['', '/versions/{version}'].map((version) => ({
    method,
    path: `/v2/models/{name}${version}${action}`,
    handle,
    operation: {
      ...operation,
      tag: 'inference',
      id: version === '' ? operation.id : `${operation.id}OfVersion`,
      parameters: [
        'ModelName',
        ...(version === '' ? [] : (['ModelVersion'] as const)),
        ...(operation.parameters ?? ['RequestIdHeader']),
      ],
    },
  }));
}

/** Throws a 404 problem for a model that is not served, and for another version of it than is. */
function modelOf(exchange: Exchange, ctx: ApiContext): ServedModel {
  const model = modelNamed(ctx.models.current, exchange.param('name'));
  const { name, version } = model.manifest;
  const asked = exchange.param('version');
  if (asked === '' || asked === version) return model;
  throw new ProblemError('model-not-found', `${name} is served in version ${version} alone`);
}

function describe(exchange: Exchange, ctx: ApiContext): void {
  const { manifest } = modelOf(exchange, ctx);
  const metadata = ({ name, datatype, shape }: TensorInfo) => ({ name, datatype, shape: [-1, ...shape] });
  exchange.sendJson(200, {
    name: manifest.name,
    versions: [manifest.version],
    platform:
      manifest.format === 'onnx' ? 'onnx_onnxv1' : `tensorflowjs_${manifest.format.slice('tfjs-'.length)}`,
    inputs: inputTensors(manifest).map(metadata),
    outputs: outputTensors(manifest).map(metadata),
  });
}

/** A model is ready while a worker serves it. */
async function tellReady(exchange: Exchange, ctx: ApiContext): Promise<void> {
  const { name } = modelOf(exchange, ctx).manifest;
  const workers = await ctx.withinDeadline('reading the workers', () => ctx.partitions.workers());
  const ready = standingOf(name, workers).workers > 0;
  exchange.sendJson(ready ? 200 : 503, { name, ready });
}

async function answerInference(exchange: Exchange, ctx: ApiContext): Promise<void> {
  const model = modelOf(exchange, ctx);
  const preferences = parsePrefer(exchange.header('prefer'));
  const inference = await readInference(exchange, ctx, model);
  const inferred = await infer(exchange, ctx, model, inference, preferences);
  if ('results' in inferred) return sendOutputs(exchange, model, inference, inferred);
  exchange.sendJsonText(202, inferred.json, {
    Location: inferred.location,
    'Retry-After': 1,
    Vary: 'Prefer',
    'Preference-Applied': preferenceApplied({ respondAsync: true }),
  });
}

/** Answers with the outputs that are wanted, those in binary behind the JSON, which says how long each is. */
function sendOutputs(
  exchange: Exchange,
  { manifest }: ServedModel,
  { id, outputs }: Inference,
  { results, modelVersion = manifest.version }: Extract<Inferred, { results: unknown }>,
): void {
  const binary: Buffer[] = [];
  const presented = outputs.map(({ name, datatype, shape, valuesOf, isBinary }) => {
    const tensor = { name, datatype, shape: [results.length, ...shape] };
    const data = results.flatMap(valuesOf);
    if (!isBinary) return { ...tensor, data };
    const bytes = toBinary(datatype, data);
    binary.push(bytes);
    return { ...tensor, parameters: { binary_data_size: bytes.length } };
  });
  const body = { model_name: manifest.name, model_version: modelVersion, id, outputs: presented };
  if (binary.length === 0) return exchange.sendJson(200, body, { Vary: 'Prefer' });
  const head = Buffer.from(JSON.stringify(body));
  const length = head.length + binary.reduce((sum, bytes) => sum + bytes.length, 0);
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': head.length,
    Vary: 'Prefer',
  };
  if (exchange.response.headersSent || exchange.response.destroyed) return;
  exchange.begin(200, headers, ['Content-Length', length]).end(Buffer.concat([head, ...binary]));
}
