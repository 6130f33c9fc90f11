import type { Ajv2020 } from 'ajv/dist/2020.js';
import { matches, openDocument, partOf } from '../support/documented.js';
import { type FuzzDocument, type FuzzOperation, operationsOf, type Parameter } from './document.js';
import { UNHTTP } from './headers.js';
import type { SentRequest } from './wire.js';

/**
 * What the document says of a request. Undecided: what no schema can tell, such as the rows of a table, a parameter
 * that is not named, or the size of a body.
 */
export type Verdict = 'valid' | 'invalid' | 'undecided';

/** Says what the document thinks of a request. */
export type Judge = (request: SentRequest) => Verdict;

/** The operation that a request really reaches, whichever it was made for. */
export function operationAt(
  operations: readonly FuzzOperation[],
  { method, target }: Pick<SentRequest, 'method' | 'target'>,
): FuzzOperation | undefined {
  const path = target.split('?')[0] ?? '';
  return operations.find((one) => one.method.toUpperCase() === method && matches(one.path, path));
}

/** Whether an HTTP server may well refuse the request before it is looked at. */
export const isUnhttp = ({ method, target, headers, framing, body }: SentRequest): boolean =>
  framing === 'short' ||
  !/^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|PROPFIND|QUERY)$/.test(method) ||
  !/^\/[\x21-\x7e]*$/.test(target) ||
  target.length > 6_000 ||
  headers.some((line) => UNHTTP.some(([name, value]) => name === line[0] && value === line[1])) ||
  [...headers.map(([, value]) => value), body.type ?? '', body.encoding ?? ''].some(
    (value) => !/^[\t\x20-\x7e\x80-\xff]*$/.test(value),
  ) ||
  headers.reduce((sum, [name, value]) => sum + name.length + value.length, target.length) > 12_000;

/** Holds requests against the schemas of the document. */
export function createJudge(document: FuzzDocument): Judge {
  const ajv = openDocument(document);
  const operations = operationsOf(document);
  return (request) => {
    const operation = operationAt(operations, request);
    if (!operation || isUnhttp(request)) return 'undecided';
    const verdicts = new Set([
      ...operation.parameters.map((parameter) => judgeParameter(ajv, parameter, request)),
      judgeQueryNames(operation, request),
      judgeBody(ajv, operation, request),
    ]);
    if (verdicts.has('invalid')) return 'invalid';
    return verdicts.has('undecided') ? 'undecided' : 'valid';
  };
}

const queryOf = ({ target }: SentRequest): URLSearchParams =>
  new URLSearchParams(target.includes('?') ? target.slice(target.indexOf('?') + 1) : '');

function judgeQueryNames({ parameters }: FuzzOperation, request: SentRequest): Verdict {
  const known = new Set(parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name));
  return [...queryOf(request).keys()].every((name) => known.has(name)) ? 'valid' : 'undecided';
}

function judgeParameter(ajv: Ajv2020, { name, in: place, schema }: Parameter, request: SentRequest): Verdict {
  if (place === 'path') return 'valid';
  if (place === 'header') {
    const values = headerValues(request, name);
    if (values.length > 1) return 'undecided';
    return values.every((value) => ajv.validate(schema, value)) ? 'valid' : 'invalid';
  }
  const texts = queryOf(request).getAll(name);
  if (schema.type === 'array') {
    return ajv.validate(schema, texts) ? 'valid' : 'invalid';
  }
  if (texts.length > 1) return 'undecided';
  if (name === 'cursor' && texts.length > 0) return 'undecided';
  return texts.every((text) => ajv.validate(schema, valueOf(text, schema.type))) ? 'valid' : 'invalid';
}

/** All values of a header, with the space around them taken off as HTTP does. */
function headerValues({ headers, body }: SentRequest, name: string): string[] {
  if (name === 'Content-Encoding') return body.encoding === undefined ? [] : [body.encoding.trim()];
  return headers
    .filter((line) => line[0].toLowerCase() === name.toLowerCase())
    .map(([, value]) => value.replaceAll(/^[\t ]+|[\t ]+$/g, ''));
}

function valueOf(text: string, type: string | undefined): unknown {
  if (type === 'integer') return /^\d+$/.test(text) ? Number(text) : text;
  return type === 'boolean' && (text === 'true' || text === 'false') ? text === 'true' : text;
}

/** More than a body that holds one prediction may have: the document gives no number. */
const LARGE_BYTES = 60_000;

function judgeBody(ajv: Ajv2020, { bodies, path, method }: FuzzOperation, request: SentRequest): Verdict {
  const { type, encoding, bytes } = request.body;
  if (Object.keys(bodies).length === 0) return 'valid';
  if (bytes.length > LARGE_BYTES || (encoding !== undefined && encoding !== 'identity')) return 'undecided';
  const [media = '', ...parameters] = (type ?? '').split(';').map((part) => part.trim().toLowerCase());
  // Clients of the Open Inference Protocol may leave it out.
  const isInference = path.startsWith('/v2/');
  if (isInference && media === '') return 'undecided';
  if (!Object.hasOwn(bodies, media)) return 'invalid';
  if (parameters.some((parameter) => parameter !== 'charset=utf-8')) return 'undecided';
  if (media !== 'application/json') return 'undecided';
  // A byte order mark may be ignored and may be refused (RFC 8259, section 8.1).
  if (bytes.startsWith('\xef\xbb\xbf')) return 'undecided';
  // What a repeated member means is left open (RFC 8259, section 4), and who reads a stream has to say no.
  if (bytes.split('"inputs"').length > 2) return 'undecided';
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1')));
  } catch {
    return 'invalid';
  }
  const schema = { $ref: partOf('paths', path, method, 'requestBody', 'content', media, 'schema') };
  if (!ajv.validate(schema, value)) return 'invalid';
  // The tensors have to be those of the model.
  if (isInference) return 'undecided';
  // Whether a strict batch is taken depends on its rows, whose schema is that of the model; whether a start is too far ahead
  // depends on the clock.
  return queryOf(request).has('strict') || bytes.includes('"not_before"') ? 'undecided' : 'valid';
}
