import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import type { FuzzDocument, FuzzOperation, Parameter } from './document.js';
import { KNOWN, standIn } from './known.js';
import { valuesOf } from './values.js';

/** Parts of a path that name nothing, or more than one would think. */
const ODD_PARTS = [
  'x',
  '0',
  '%',
  '%zz',
  '%00',
  '%ff',
  '%e2%82',
  '%2f',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '..',
  '.',
  '',
  '__proto__',
  'constructor',
  '%7B%7D',
  '*',
  ':id',
  '{id}',
  '%0d%0aX-Injected:%201',
  '\xff',
  '\xf0\x9f\x90\x9d',
  'a;b',
  '~',
  '<',
  '"',
  'x'.repeat(7_000),
  'f9a9c1f2-7c1e-4d63-9a55-0f6c1b1d2e3f',
  '00000000-0000-7000-8000-000000000000',
  'ffffffff-ffff-7fff-bfff-ffffffffffff',
  '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
  '017F22E2-79B0-7CC3-98C4-DC0C0C07398F',
] as const;

const ODD_VALUES = [
  '',
  ' ',
  '0',
  '-1',
  '1',
  '007',
  '1e1',
  '1.0',
  '200',
  '201',
  '999999999999999',
  '9007199254740993',
  'NaN',
  'Infinity',
  'null',
  'true',
  'True',
  'queued',
  'QUEUED',
  'queued,failed',
  '%',
  '%zz',
  '%00',
  '%ff',
  '%F0%9F%90%9D',
  '+',
  '[]',
  "'",
  '%22',
  'a%26b',
  '__proto__',
  'MTIz',
  'OTk5OTk5OTk5OTk5OTk5OS45OTkgZmZmZmZmZmYtZmZmZi03ZmZmLWJmZmYtZmZmZmZmZmZmZmZm',
  'x'.repeat(150),
  'x'.repeat(300),
  '\xe9',
  '*',
  ':',
] as const;

const ODD_PAIRS = [
  'x',
  '=',
  '&',
  '&&=&',
  '__proto__=1',
  'constructor=1',
  'limit[]=1',
  'limit=1&limit=2',
  'status=failed&status=failed',
  '%zz=%zz',
  '?',
  '#',
  'a=b=c',
  ';limit=1',
  'wait=5',
  'from=0&from=1',
  'strict=true&strict=false',
  `${'a=1&'.repeat(400)}b=1`,
] as const;

/** Request targets of an operation: its path with its parameters filled in, and a query. */
export function targetsOf(document: FuzzDocument, operation: FuzzOperation): Arbitrary<string> {
  const query = operation.parameters.filter((parameter) => parameter.in === 'query');
  return fc.tuple(pathsOf(operation.path), queriesOf(document, query)).map((parts) => parts.join(''));
}

/** Targets that belong to no operation of the document. */
export const strayTargets: Arbitrary<string> = fc.oneof(
  fc.constantFrom('/docs', '/docs/start.js', '/docs/favicon-32x32.png', '/openapi.json'),
  fc.constantFrom(
    '/',
    '/docs',
    '/docs/start.js',
    '/docs/swagger-ui.css',
    '/docs/package.json',
    '/docs/..%2fpackage.json',
    '/docs/%00',
    '/openapi.json',
    '/nowhere',
    '//',
    '//health',
    '/health/',
    '/HEALTH',
    '/jobs/',
    '/jobs//',
    '/jobs/x/y',
    '/jobs/x/replay/',
    '/health%2flive',
    '*',
    '/%',
    '/%c0%af',
    'http://other/health',
    '/health#x',
    '/./health',
    '/a/../health',
    '/?',
    '/batches/x/results/y',
    '/.env',
    'health',
    '',
    `/${'x/'.repeat(2_000)}`,
    `/${'x'.repeat(20_000)}`,
  ),
  fc.webPath(),
  fc.string({ maxLength: 40 }).map((text) => `/${text.replaceAll(' ', '%20')}`),
);

/** The part of a path before its first parameter is the kind of thing that this names: `/jobs/{id}`. */
function pathsOf(template: string): Arbitrary<string> {
  const [, kind = ''] = /([a-z]+)\/\{/.exec(template) ?? [];
  const parts = fc.oneof(
    { withCrossShrink: true },
    { weight: 8, arbitrary: fc.nat({ max: 39 }).map((which) => standIn(kind, which)) },
    { weight: 2, arbitrary: fc.constantFrom(...ODD_PARTS) },
    { weight: 1, arbitrary: fc.string({ maxLength: 20 }).map(encodeURIComponent) },
  );
  return template.includes('{')
    ? parts.map((part) => template.replaceAll(/\{\w+\}/g, () => part))
    : fc.constant(template);
}

function queriesOf(document: FuzzDocument, parameters: readonly Parameter[]): Arbitrary<string> {
  const odd = fc.array(fc.constantFrom(...ODD_PAIRS), { minLength: 1, maxLength: 2 });
  const pairs =
    parameters.length === 0
      ? fc.oneof(
          { withCrossShrink: true },
          { weight: 9, arbitrary: fc.constant<string[]>([]) },
          { weight: 1, arbitrary: odd },
        )
      : fc.oneof(
          { withCrossShrink: true },
          { weight: 3, arbitrary: fc.constant<string[]>([]) },
          {
            weight: 6,
            arbitrary: fc.array(fc.oneof(...parameters.map((one) => pairOf(document, one))), {
              maxLength: 3,
            }),
          },
          { weight: 1, arbitrary: odd },
        );
  return pairs.map((some) => (some.length === 0 ? '' : `?${some.join('&')}`));
}

function pairOf(document: FuzzDocument, { name, schema }: Parameter): Arbitrary<string> {
  const one = schema.type === 'array' && schema.items ? schema.items : schema;
  const valid = name === 'cursor' ? fc.constant(KNOWN.cursor) : valuesOf(document, one).map(encode);
  const known = name === 'model' ? [{ weight: 4, arbitrary: fc.constant(standIn('models', 0)) }] : [];
  const values = fc.oneof({ withCrossShrink: true }, { weight: 4, arbitrary: valid }, ...known, {
    weight: 2,
    arbitrary: fc.constantFrom(...ODD_VALUES),
  });
  return values.map((value) => `${name}=${value}`);
}

const encode = (value: unknown): string => encodeURIComponent(String(value));
