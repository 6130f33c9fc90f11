import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import type { FuzzOperation } from './document.js';
import { KNOWN } from './known.js';

/** Name and value of one header line. Characters stand for bytes. */
export type HeaderLine = readonly [name: string, value: string];

/** Values with a meaning, well-formed or not, by header. Waits are short: the ends of jobs are near. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  Prefer: [
    'wait=1',
    'wait=0',
    'respond-async',
    'respond-async, wait=1',
    'WAIT="1"',
    'wait=1;a="b,c"',
    'wait=00001',
    'wait = 1',
    'wait=-1',
    'wait=1.5',
    'wait=',
    'wait',
    ',,,;',
    'wait=0, wait=60',
    'wait="1',
    'respond-async=1',
    'return=minimal',
    'wait=9999999999',
    '"',
    '\\',
    'handling=strict; wait=2',
    `a=${'"\\'.repeat(500)}`,
  ],
  'Idempotency-Key': [
    'a',
    'b',
    'c',
    '"a"',
    '"b c"',
    '"\\"q\\""',
    'k'.repeat(255),
    'k'.repeat(256),
    '',
    '""',
    '"',
    '"a',
    'a b',
    'a"b',
    'a\\b',
    '\xe9',
    'a, b',
    '__proto__',
    'constructor',
    ':',
    '{x}',
    '*',
  ],
  'If-None-Match': [
    KNOWN.etag,
    '*',
    `"x", ${KNOWN.etag}`,
    'W/"x"',
    '""',
    '"',
    'W/',
    `${KNOWN.etag}${KNOWN.etag}`,
    '*, "a"',
    `"${'x'.repeat(3_000)}"`,
  ],
  'X-Request-Id': [
    'mine',
    'a b',
    '',
    'x'.repeat(128),
    'x'.repeat(129),
    '\xe9',
    '<script>',
    '${jndi:x}',
    '"',
    '%0d%0aX: y',
  ],
  traceparent: [
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '00-00000000000000000000000000000000-b7ad6b7169203331-01',
    'ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    '01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more',
    '00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01',
    '-',
    'x'.repeat(2_000),
  ],
  Accept: [
    'text/csv',
    'application/x-ndjson',
    '*/*',
    'text/csv;q=0.5, application/x-ndjson',
    'text/*;q=NaN',
    'text/csv;q=-1',
    ';q',
    ',,,',
    'application/xml',
    'text/csv;q=1e999',
    '\xff',
  ],
};

/** Lines that no operation names. */
const STRAY: readonly HeaderLine[] = [
  ['Accept-Encoding', 'gzip'],
  ['Accept-Encoding', 'gzip;q=0, *;q=NaN'],
  ['Accept-Encoding', 'br;q=1, x-gzip'],
  ['Range', 'bytes=0-1'],
  ['Range', 'rows=x-'],
  ['Range', 'bytes=999999999-'],
  ['If-Unmodified-Since', 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ['If-Match', '"x"'],
  ['If-Modified-Since', 'yesterday'],
  ['Authorization', 'Bearer x'],
  ['Authorization', 'Basic \xff'],
  ['Cookie', 'a=b; __proto__=c'],
  ['Origin', 'null'],
  ['Origin', 'https://example.com'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Forwarded-For', '::1, x'],
  ['tracestate', 'a=b'],
  ['Referer', '\x80\xff'],
  ['User-Agent', ''],
  ['__proto__', 'x'],
  ['constructor', 'x'],
  ['Content-Language', 'x'],
  ['Pragma', 'no-cache'],
  ['Max-Forwards', '0'],
  ['TE', 'trailers'],
  ['X-Long', 'x'.repeat(8_000)],
];

/** Lines after which an HTTP server may refuse the request before anything reads it. */
export const UNHTTP: readonly HeaderLine[] = [
  ['X-Longer', 'x'.repeat(20_000)],
  ['Bad Name', 'x'],
  ['', 'x'],
  ['X-Control', 'a\0b'],
  ['X-Bare', 'a\rb'],
  ['Transfer-Encoding', 'gzip'],
  ['Content-Length', '5'],
  ['Content-Length', '-1'],
  ['Content-Length', '1e3'],
  ['Expect', '100-continue'],
  ['Expect', 'x'],
  ['Connection', 'upgrade'],
  ['Upgrade', 'h2c'],
  ['Host', 'other'],
  ['Connection', 'x, close, \xff'],
];

/** The header lines of a request to an operation. */
export function headersOf(operation: Pick<FuzzOperation, 'parameters'>): Arbitrary<HeaderLine[]> {
  const named = operation.parameters
    .filter((parameter) => parameter.in === 'header' && Object.hasOwn(MEANT, parameter.name))
    .map(({ name }) => lineOf(name, [...(MEANT[name] ?? [])]));
  const anyOfThem = named.length > 0 ? [{ weight: 8, arbitrary: fc.oneof(...named) }] : [];
  const line = fc.oneof(
    ...anyOfThem,
    { weight: 2, arbitrary: fc.constantFrom(...STRAY) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(...Object.keys(MEANT))
        .chain((name) => lineOf(name, [...(MEANT[name] ?? [])])),
    },
  );
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant<HeaderLine[]>([]) },
    { weight: 3, arbitrary: fc.array(line, { maxLength: 4 }) },
  );
}

const lineOf = (name: string, values: string[]): Arbitrary<HeaderLine> =>
  fc
    .oneof(...(values.length > 0 ? [{ weight: 6, arbitrary: fc.constantFrom(...values) }] : []), {
      weight: 1,
      arbitrary: fc.string({ maxLength: 30 }),
    })
    .map((value) => [name, value] as const);
