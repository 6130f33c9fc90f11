import { ref } from '../../shared/contract/parts.js';
import type { ServedModels } from '../models/served-models.js';
import { PROBLEM_TYPES, type ProblemCode } from '../http/problem-types.js';
import type { HeaderName } from './headers.js';
import type { Json } from './json.js';
import type { ParameterName } from './parameters.js';

/** One answer of an operation. */
export interface Answer {
  description: string;
  /** Media type to schema; absent for an answer without a body. */
  content?: Readonly<Record<string, Json>>;
  /** Headers that always come, beside X-Request-Id. */
  headers?: readonly HeaderName[];
  /** Headers that may come. */
  optionalHeaders?: readonly HeaderName[];
  links?: Json;
}

/** The description of one operation in the OpenAPI document. */
export interface Operation {
  id: string;
  tag: 'jobs' | 'batches' | 'models' | 'inference' | 'service' | 'original service';
  summary: string;
  description: string;
  parameters?: readonly ParameterName[];
  /** Schema of the JSON body. */
  body?: (models: ServedModels) => Json;
  /** A body that works, made of the example of the default model's input. */
  bodyExample?: (input: Json) => Json;
  /** Bodies of other media types, beside the JSON one. */
  otherBodies?: Readonly<Record<string, Json>>;
  answers: Readonly<Record<number, Answer>>;
}

export type RouteMethod = 'get' | 'post' | 'delete';

/** A route: how it is reached, and what the OpenAPI document says of it. */
export interface DescribedRoute {
  method: RouteMethod;
  /** As OpenAPI writes paths: `/jobs/{id}`. */
  path: string;
  /** Undefined for a route that is no part of the interface. */
  operation?: Operation;
  /** Answered to everybody, because it holds no data of anybody. */
  isPublic?: true;
}

/** An answer whose JSON body is a component. It always says how long it may be kept. */
export const json = (
  component: string,
  description: string,
  { headers = [], ...more }: Omit<Answer, 'description' | 'content'> = {},
): Answer => ({
  description,
  content: { 'application/json': ref(component) },
  headers: [...headers, 'Cache-Control'],
  ...more,
});

/** Answers and further ones, those of one status together. */
export function mergeAnswers(
  answers: Operation['answers'],
  further: Operation['answers'],
): Record<number, Answer> {
  const merged: Record<number, Answer> = { ...answers };
  for (const [status, answer] of Object.entries(further)) {
    const before = answers[Number(status)];
    merged[Number(status)] = before
      ? {
          ...before,
          description: `${before.description} ${answer.description}`,
          content: { ...before.content, ...answer.content },
        }
      : answer;
  }
  return merged;
}

/** Problems of every call that makes jobs. */
export const INTAKE_PROBLEMS = [
  'too-many-waiting',
  'queue-full',
  'model-not-served',
  'redis-unavailable',
  'not-replicated',
  'draining',
] as const;

/** The answers of these problems, those of one status together. */
export function problems(...codes: readonly ProblemCode[]): Record<number, Answer> {
  const answers: Record<number, Answer> = {};
  for (const code of codes) {
    const { status, title } = PROBLEM_TYPES[code];
    const before = answers[status]?.description;
    answers[status] = {
      description: `${before === undefined ? '' : `${before} `}${title} (\`${code}\`).`,
      content: { 'application/problem+json': ref('Problem') },
      ...(status === 503 ? { headers: ['Retry-After'] } : {}),
      ...(status === 401 ? { headers: ['WWW-Authenticate'] } : {}),
      ...(status === 429 ? { headers: ['Retry-After'] } : {}),
      ...(status === 405 ? { headers: ['Allow'] } : {}),
    };
  }
  return answers;
}
