import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { bodiesOf, type FuzzBody } from './bodies.js';
import { type FuzzDocument, type FuzzOperation, operationsOf } from './document.js';
import { type HeaderLine, headersOf, UNHTTP } from './headers.js';
import { strayTargets, targetsOf } from './targets.js';

/** How a body travels: by Content-Length, in chunks, or ending before its Content-Length does. */
export type Framing = 'length' | 'chunked' | 'short';

/** One request as it is generated, stand-ins for ids included. Characters stand for bytes throughout. */
export interface FuzzRequest {
  /** The operation that it was made for; `-` for none. */
  operation: string;
  method: string;
  target: string;
  headers: HeaderLine[];
  body: FuzzBody;
  framing: Framing;
  /** Another request follows on the same connection. */
  followed: boolean;
}

const METHODS = [
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PUT',
  'PATCH',
  'DELETE',
  'POST',
  'GET',
  'PROPFIND',
  'QUERY',
  'get',
  'G ET',
  'CONNECT',
] as const;

/** Requests for every operation of a document, and some for none. Stray values shrink away where they do not matter. */
export function requestsOf(document: FuzzDocument): Arbitrary<FuzzRequest> {
  const operations = operationsOf(document);
  return fc.oneof(
    ...operations.map((operation) => ({
      weight: Object.keys(operation.bodies).length > 0 ? 4 : 2,
      arbitrary: requestsFor(operation, targetsOf(document, operation), bodiesOf(document, operation)),
    })),
    { weight: 3, arbitrary: requestsFor({ ...NO_OPERATION }, strayTargets, fc.constant(NO_BODY)) },
  );
}

const NO_OPERATION: FuzzOperation = { id: '-', method: 'get', path: '/', parameters: [], bodies: {} };
const NO_BODY: FuzzBody = { bytes: '', type: undefined, encoding: undefined };

const requestsFor = (operation: FuzzOperation, target: Arbitrary<string>, body: Arbitrary<FuzzBody>) =>
  fc.record<FuzzRequest>({
    operation: fc.constant(operation.id),
    method: mostly(operation.method.toUpperCase(), fc.constantFrom(...METHODS), 15),
    target,
    headers: fc
      .tuple(
        headersOf(operation),
        mostly<HeaderLine[]>(
          [],
          fc.constantFrom(...UNHTTP).map((line) => [line]),
          25,
        ),
      )
      .map(([lines, odd]) => lines.concat(odd)),
    body,
    framing: fc.oneof(
      { withCrossShrink: true },
      { weight: 12, arbitrary: fc.constant('length') },
      { weight: 4, arbitrary: fc.constant('chunked') },
      { weight: 1, arbitrary: fc.constant('short') },
    ),
    followed: fc.boolean(),
  });

/** One value, and once in a while one of the others. */
const mostly = <T>(value: T, others: Arbitrary<T>, oftener: number): Arbitrary<T> =>
  fc.oneof(
    { withCrossShrink: true },
    { weight: oftener, arbitrary: fc.constant(value) },
    { weight: 1, arbitrary: others },
  );
