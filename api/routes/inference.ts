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
import { readinessOf } from './health.js';
import type { Handle, Route } from './route.js';

const VERSION = softwareVersion();

/** The Open Inference Protocol, version 2, by https://github.com/kserve/open-inference-protocol, with Triton's binary tensors. */
export const inferenceRoutes: readonly Route[] = [
  {
    method: 'get',
    path: '/v2',
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
    handle: (exchange) => exchange.sendJson(200, { live: true }),
  },
  {
    method: 'get',
    path: '/v2/health/ready',
    isPublic: true,
    async handle(exchange, ctx) {
      const { ready } = await readinessOf(ctx);
      exchange.sendJson(ready ? 200 : 503, { ready });
    },
  },
  ...ofModel('get', '', describe),
  ...ofModel('get', '/ready', tellReady),
  ...ofModel('post', '/infer', answerInference),
];

/** The routes of a model, with its version in the path and without. */
function ofModel(method: 'get' | 'post', action: string, handle: Handle): Route[] {
  return ['', '/versions/{version}'].map((version) => ({
    method,
    path: `/v2/models/{name}${version}${action}`,
    handle,
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
  const json = Buffer.from(JSON.stringify(body));
  const length = json.length + binary.reduce((sum, bytes) => sum + bytes.length, 0);
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Inference-Header-Content-Length': json.length,
    Vary: 'Prefer',
  };
  if (exchange.response.headersSent || exchange.response.destroyed) return;
  exchange.begin(200, headers, ['Content-Length', length]).end(Buffer.concat([json, ...binary]));
}
