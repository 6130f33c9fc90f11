import { ref } from '../../shared/contract/parts.js';
import { PROBLEM_TYPES } from '../http/problem-types.js';
import type { ServedModels } from '../models/served-models.js';
import { componentSchemas } from './components.js';
import { HEADERS, type HeaderName } from './headers.js';
import type { Json } from './json.js';
import { type Answer, type DescribedRoute, mergeAnswers, type Operation, problems } from './operation.js';
import { PARAMETERS } from './parameters.js';

/** Version of the contract, not of the software: counted up with what clients can notice. */
const CONTRACT_VERSION = '1.0.0';

const INTRODUCTION = [
  'Submit a prediction with `POST /jobs`, then poll the job at its `Location` until its `status` is one of',
  '`succeeded`, `failed`, `canceled` and `expired`; or send `Prefer: wait=5` and mostly get the result at once.',
  '',
  'Errors are `application/problem+json` (RFC 9457). The `type` of a problem is resolved against the address of the',
  'service and leads to its description:',
  '',
  ...Object.entries(PROBLEM_TYPES).map(
    ([code, { status, title }]) => `- \`/problems/${code}\` (${status}): ${title}.`,
  ),
  '',
  'Times are RFC 3339 in UTC. Members that do not apply are absent.',
].join('\n');

/** The key that callers send where keys are asked for. */
const SECURITY_SCHEMES = {
  key: { type: 'http', scheme: 'bearer', description: 'The secret of a key that the service was given.' },
};

/**
 * The OpenAPI 3.1 document of these routes and models, made of the schemas that check the requests. `hasKeys`: callers
 * need one.
 */
export function describeService(
  routes: readonly DescribedRoute[],
  models: ServedModels,
  { title, hasKeys }: { title: string; hasKeys: boolean },
): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const { method, path, operation, isPublic } of routes) {
    if (!operation) continue;
    const described = isPublic ? { ...operation, security: [] } : withAdmission(operation);
    (paths[path] ??= {})[method] = describeOperation(described, models);
  }
  return {
    openapi: '3.1.1',
    info: {
      title,
      version: CONTRACT_VERSION,
      contact: { name: 'Whoever runs this service' },
      license: { name: 'MIT', identifier: 'MIT' },
      description: INTRODUCTION,
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'jobs', description: 'Predictions that run in the background.' },
      { name: 'batches', description: 'Many predictions at once, streamed in and out.' },
      { name: 'models', description: 'What can be predicted.' },
      {
        name: 'inference',
        description: 'The Open Inference Protocol, version 2. Errors are `{"error":"..."}` there.',
      },
      { name: 'original service', description: 'The calls of the blocking service that this one replaces.' },
      { name: 'service', description: 'For those who run it.' },
    ],
    security: hasKeys ? [{ key: [] }] : [],
    paths,
    components: {
      schemas: componentSchemas(models),
      parameters: PARAMETERS,
      ...(hasKeys ? { securitySchemes: SECURITY_SCHEMES } : {}),
    },
  };
}

/** Answers of every operation that needs a key. */
function withAdmission(operation: Operation): Operation {
  const answers = Object.entries({
    ...problems('redis-unavailable'),
    ...mergeAnswers(operation.answers, problems('unauthorized', 'rate-limited')),
  });
  return {
    ...operation,
    answers: Object.fromEntries(
      answers.map(([status, answer]) => [
        status,
        { ...answer, optionalHeaders: [...(answer.optionalHeaders ?? []), 'RateLimit', 'RateLimit-Policy'] },
      ]),
    ),
  };
}

function describeOperation(
  operation: Operation & { security?: readonly Json[] },
  models: ServedModels,
): Json {
  const { security } = operation;
  const { id, tag, summary, description, parameters, body, bodyExample, otherBodies, answers } = operation;
  const example = bodyExample?.(models.default.manifest.example);
  const withCommon = mergeAnswers(
    answers,
    problems('host-malformed', 'misdirected-request', 'internal-error'),
  );
  return {
    operationId: id,
    tags: [tag],
    ...(security ? { security } : {}),
    summary,
    description,
    ...(parameters
      ? { parameters: parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })) }
      : {}),
    ...(body
      ? {
          requestBody: {
            required: true,
            content: {
              'application/json': { schema: body(models), ...(example ? { example } : {}) },
              ...Object.fromEntries(
                Object.entries(otherBodies ?? {}).map(([type, schema]) => [type, { schema }]),
              ),
            },
          },
        }
      : {}),
    responses: Object.fromEntries(
      Object.entries(withCommon).map(([status, answer]) => [
        status,
        describeAnswer(tag === 'inference' ? withProtocolError(answer) : answer),
      ]),
    ),
  };
}

/** The same answer with an error of the Open Inference Protocol instead of a problem. */
function withProtocolError(answer: Answer): Answer {
  const { 'application/problem+json': problem, ...content } = answer.content ?? {};
  if (!problem) return answer;
  const own = content['application/json'];
  const error = ref('InferenceError');
  return { ...answer, content: { ...content, 'application/json': own ? { anyOf: [own, error] } : error } };
}

function describeAnswer({ description, content, headers = [], optionalHeaders = [], links }: Answer): Json {
  const required: HeaderName[] = ['X-Request-Id', ...headers];
  return {
    description,
    headers: Object.fromEntries([
      ...required.map((name) => [name, { ...HEADERS[name], required: true }]),
      ...optionalHeaders.map((name) => [name, HEADERS[name]]),
    ]),
    ...(content
      ? {
          content: Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }])),
        }
      : {}),
    ...(links ? { links } : {}),
  };
}
