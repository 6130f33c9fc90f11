import { isUtf8 } from 'node:buffer';
import type { ValidateFunction } from 'ajv';
import { InferenceBody } from '../../shared/contract/inference.js';
import { messageOf } from '../../shared/errors.js';
import { createAjv, violationsOf } from '../../shared/validation/ajv.js';
import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { ProblemError } from '../http/problem.js';
import { readBody } from '../http/read-json.js';
import type { ServedModel } from '../models/served-models.js';
import { MANY } from '../models/submission-schemas.js';
import { type OutputTensor, outputTensors, type Rows, rowsOf } from './model-tensors.js';
import { binaryValues, malformed } from './tensors.js';

let isBody: ValidateFunction<InferenceBody> | undefined;

/** An output that is asked for. */
export interface WantedOutput extends OutputTensor {
  isBinary: boolean;
}

/** A request for an inference, checked but for the values of its rows. */
export interface Inference {
  id: string | undefined;
  rows: Rows;
  outputs: readonly WantedOutput[];
  /** Of the body. */
  bytes: number;
}

/** Most values in all outputs of one request, which are made whether it wants them or not: in binary as many bytes as a body may have. */
const MOST_OUTPUT_VALUES = MANY.bodyBytes / 4;

/**
 * Reads a request for an inference in JSON or, where `Inference-Header-Content-Length` says where that ends, with binary
 * tensors. Its body may have 4 MiB, and a row's tensors more. Throws problems: 400, 408, 413 and 415.
 */
export async function readInference(
  exchange: Exchange,
  ctx: ApiContext,
  { manifest, tensorBytes }: ServedModel,
): Promise<Inference> {
  requireType(exchange);
  const limitBytes = MANY.bodyBytes + tensorBytes;
  const bytes = await readBody(exchange.request, { limitBytes, timeoutMs: ctx.limits.bodyMs });
  const jsonBytes = jsonLength(exchange.header('inference-header-content-length'), bytes.length);
  const body = parseBody(bytes.subarray(0, jsonBytes));
  const rows = rowsOf(manifest, tensorsOf(body, bytes.subarray(jsonBytes)));
  const known = outputTensors(manifest);
  const outputs = wantedOutputs(body, known);
  const values = known.reduce((sum, { shape }) => sum + shape.reduce((size, n) => size * n, rows.count), 0);
  if (values > MOST_OUTPUT_VALUES) {
    throw new ProblemError(
      'body-too-large',
      `the outputs would have ${values} values, and may have ${MOST_OUTPUT_VALUES}: send fewer rows, or a batch`,
    );
  }
  return { id: body.id === '' ? undefined : body.id, rows, outputs, bytes: bytes.length };
}

/** Clients of the protocol often name no type. A page of another origin cannot leave it out unseen: it sends `Origin`. */
function requireType(exchange: Exchange): void {
  const type = exchange.header('content-type');
  const isTaken =
    type === undefined
      ? exchange.header('origin') === undefined
      : /^application\/(json|octet-stream)\s*(;|$)/i.test(type);
  const encoding = exchange.header('content-encoding')?.toLowerCase() ?? 'identity';
  if (isTaken && encoding === 'identity') return;
  throw new ProblemError(
    'unsupported-media-type',
    'the body must be application/json, or application/octet-stream with Inference-Header-Content-Length, not encoded',
  );
}

function jsonLength(header: string | undefined, bytes: number): number {
  if (header === undefined) return bytes;
  if (/^\d{1,10}$/.test(header) && Number(header) <= bytes) return Number(header);
  throw malformed(`Inference-Header-Content-Length must be at most the ${bytes} bytes of the body`);
}

function parseBody(json: Buffer): InferenceBody {
  if (!isUtf8(json)) throw malformed('the JSON is not UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (error) {
    throw malformed(messageOf(error));
  }
  isBody ??= createAjv().compile<InferenceBody>(InferenceBody);
  if (isBody(value)) return value;
  throw malformed(
    violationsOf(isBody)
      .map(({ pointer, detail }) => `${pointer} ${detail}`)
      .join('; '),
  );
}

/** The tensors of a request: in JSON flat or nested, in binary one after the other behind the JSON. */
function tensorsOf({ inputs }: InferenceBody, binary: Buffer) {
  let at = 0;
  const tensors = inputs.map(({ name, shape, datatype, data, parameters }) => {
    const size = parameters?.binary_data_size;
    if ((size === undefined) === (data === undefined)) {
      throw malformed(`${name} needs either data or the parameter binary_data_size`);
    }
    if (size === undefined) return { name, shape, datatype, values: (data ?? []).flat(shape.length) };
    const bytes = binary.subarray(at, at + size);
    at += size;
    if (at > binary.length) throw malformed(`${name} ends ${at - binary.length} bytes behind the body`);
    return { name, shape, datatype, values: binaryValues(name, datatype, bytes) };
  });
  if (at < binary.length) throw malformed(`${binary.length - at} bytes at the end belong to no tensor`);
  return tensors;
}

/** All outputs unless the request names some. */
function wantedOutputs(
  { outputs, parameters }: InferenceBody,
  known: readonly OutputTensor[],
): WantedOutput[] {
  const isBinary = parameters?.binary_data_output ?? false;
  if (!outputs || outputs.length === 0) return known.map((output) => ({ ...output, isBinary }));
  const names = known.map(({ name }) => name);
  const distinct = new Set(outputs.map(({ name }) => name));
  if (distinct.size < outputs.length) throw malformed('an output is named twice');
  return outputs.map(({ name, parameters: own }) => {
    const output = known.find((one) => one.name === name);
    if (!output) throw malformed(`there is no output ${name}: there is ${names.join(', ')}`);
    return { ...output, isBinary: own?.binary_data ?? isBinary };
  });
}
