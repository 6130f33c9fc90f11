import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { brokenJson } from './broken-json.js';
import type { FuzzDocument, FuzzOperation } from './document.js';
import { valuesOf } from './values.js';

/** A body and the headers that describe it, true or not. */
export interface FuzzBody {
  /** Each character is one byte: prints as what it is, where it is text. */
  bytes: string;
  type: string | undefined;
  encoding: string | undefined;
}

const NONE: FuzzBody = { bytes: '', type: undefined, encoding: undefined };

const ODD_TYPES = [
  undefined,
  '',
  ';',
  'text/plain',
  'application/json; charset=utf-8',
  'application/json;charset="UTF-8"',
  'application/json; charset=utf-16',
  'application/json; charset=',
  'APPLICATION/JSON',
  'application/json;',
  'application/json, text/csv',
  'application/problem+json',
  'application/json; boundary=x',
  'text/csv; header=absent',
  'text/csv;charset=latin1',
  'application/x-ndjson',
  'text/csv',
  'multipart/form-data; boundary=x',
  '*/*',
  'application/x-www-form-urlencoded',
  'x'.repeat(5_000),
] as const;

/** UTF-8 that is none: a stray byte, an overlong slash, a surrogate, a cut-off sequence, beyond Unicode. */
const BROKEN_UTF8 = ['\xff', '\xc0\xaf', '\xed\xa0\x80', '\xf0\x9f\x90', '\xf4\x90\x80\x80'] as const;

const utf8 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const bytesOf = (bytes: string): Buffer => Buffer.from(bytes, 'latin1');
const gzip = (bytes: string): string => gzipSync(bytesOf(bytes)).toString('latin1');

const asType = (type: string, bytes: string): FuzzBody => ({ bytes, type, encoding: undefined });
const gzipped = (body: FuzzBody): FuzzBody => ({ ...body, encoding: 'gzip', bytes: gzip(body.bytes) });

/** Bodies for an operation: mostly such as its schema allows, as JSON; the others broken in one way or two. */
export function bodiesOf(document: FuzzDocument, operation: FuzzOperation): Arbitrary<FuzzBody> {
  const { 'application/json': json } = operation.bodies;
  if (!json) {
    return fc.oneof({ weight: 12, arbitrary: fc.constant(NONE) }, { weight: 1, arbitrary: uncalledFor });
  }
  const values = valuesOf(document, json.schema);
  const valid = (json.example === undefined ? values : fc.oneof(fc.constant(json.example), values)).map(
    (value) => JSON.stringify(value),
  );
  const broken = fc.tuple(valid, brokenJson).map(([text, breakIt]) => breakIt(text));
  const asJson = (text: string): FuzzBody => asType('application/json', utf8(text));
  const tables = 'text/csv' in operation.bodies ? [{ weight: 6, arbitrary: tablesOf(json.example) }] : [];
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 6, arbitrary: valid.map(asJson) },
    { weight: 6, arbitrary: broken.map(asJson) },
    ...tables,
    { weight: 1, arbitrary: fc.constant(NONE) },
    { weight: 3, arbitrary: fc.tuple(valid.map(asJson), oddities).map(([body, oddity]) => oddity(body)) },
  );
}

/** A body where none is asked for. */
const uncalledFor: Arbitrary<FuzzBody> = fc.constantFrom(
  { ...NONE, bytes: '{"a":1}', type: 'application/json' },
  { ...NONE, bytes: 'GET /health HTTP/1.1\r\n\r\n' },
  { ...NONE, bytes: 'x'.repeat(100_000), type: 'text/plain' },
);

type Oddity = (body: FuzzBody) => FuzzBody;

const oddities: Arbitrary<Oddity> = fc.oneof(
  fc.constantFrom(...ODD_TYPES).map(
    (type): Oddity =>
      (body) => ({ ...body, type }),
  ),
  fc.tuple(fc.constantFrom(...BROKEN_UTF8), fc.nat({ max: 200 })).map(
    ([bytes, place]): Oddity =>
      (body) => ({ ...body, bytes: insertAt(body.bytes, place, bytes) }),
  ),
  fc.constantFrom('gzip', 'identity', 'deflate', 'br', 'GZIP', 'x-gzip', 'gzip, gzip', '').map(
    (encoding): Oddity =>
      (body) => ({ ...body, encoding }),
  ),
  fc.nat({ max: 60 }).map(
    (less): Oddity =>
      (body) => ({
        ...body,
        encoding: 'gzip',
        bytes: gzip(body.bytes).slice(0, less < 20 ? undefined : -less),
      }),
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 50 }).map(
    (bytes): Oddity =>
      (body) => ({ ...body, bytes }),
  ),
  fc.uint8Array({ maxLength: 50 }).map(
    (bytes): Oddity =>
      (body) => ({ ...body, bytes: Buffer.from(bytes).toString('latin1') }),
  ),
  fc.constant<Oddity>((body) => ({
    ...body,
    bytes: Buffer.from(`\ufeff${body.bytes}`, 'utf16le').toString('latin1'),
  })),
);

const insertAt = (text: string, place: number, what: string): string => {
  const at = place % (text.length + 1);
  return text.slice(0, at) + what + text.slice(at);
};

/** NDJSON and CSV of rows like those of the example, some of them broken, and some tables as a whole. */
function tablesOf(example: unknown): Arbitrary<FuzzBody> {
  const [row = {}] = (example as { inputs?: Record<string, unknown>[] } | undefined)?.inputs ?? [];
  const line = JSON.stringify(row);
  const lines = fc.oneof(
    { weight: 4, arbitrary: fc.constant(line) },
    { weight: 2, arbitrary: brokenJson.map((breakIt) => breakIt(line)) },
    { weight: 1, arbitrary: fc.constantFrom('', ' ', '{"a":', '\r', '[]', 'null') },
  );
  const cells = fc.oneof(
    { weight: 5, arbitrary: fc.constant(Object.values(row).join(',')) },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        '',
        ',',
        ',,',
        '1,2,3,4',
        '"130",205,3',
        '"1""3",2,3',
        '"open',
        'a"b,c,d',
        '=1+1,2,3',
        '\t1, 2 ,3',
        '1e2,1,1',
        '٣,1,1',
      ),
    },
  );
  const heads = fc.oneof(
    { weight: 5, arbitrary: fc.constant(Object.keys(row).join(',')) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        'a,b',
        `${Object.keys(row).join(',')},${Object.keys(row)[0]}`,
        '__proto__,constructor,toString',
        '"',
        '\ufeff',
      ),
    },
  );
  const many = fc.oneof(
    { weight: 5, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.constantFrom(10, 60) },
  );
  const ends = fc.constantFrom('\n', '\r\n');
  const ndjson = fc
    .tuple(fc.array(lines, { maxLength: 12 }), many, ends)
    .map(([some, times, end]) =>
      asType('application/x-ndjson', utf8(`${some.join(end)}${end}`.repeat(times))),
    );
  const csv = fc
    .tuple(heads, fc.array(cells, { maxLength: 12 }), ends)
    .map(([head, some, end]) => asType('text/csv', utf8([head, ...some].join(end))));
  const plain = fc.oneof(ndjson, csv);
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 5, arbitrary: plain },
    { weight: 1, arbitrary: fc.tuple(plain, oddities).map(([body, oddity]) => oddity(body)) },
    { weight: 1, arbitrary: plain.map(gzipped) },
  );
}
