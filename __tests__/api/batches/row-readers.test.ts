import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { bodyText } from '../../../api/batches/upload/body-text.js';
import { csvRows } from '../../../api/batches/upload/csv-rows.js';
import { jsonRows } from '../../../api/batches/upload/json-rows.js';
import { ndjsonRows } from '../../../api/batches/upload/ndjson-rows.js';
import type { Row, RowReader, UploadError } from '../../../api/batches/upload/rows.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { parseManifest } from '../../../shared/model/read-manifest.js';

const manifest: Manifest = parseManifest(
  {
    schema: 1,
    name: 'rows',
    version: '1.0.0',
    title: 'Rows',
    description: 'One member of each type.',
    format: 'tfjs-layers',
    input: {
      type: 'object',
      properties: { n: { type: 'number' }, s: { type: 'string' }, b: { type: 'boolean' } },
      required: ['n'],
      additionalProperties: false,
    },
    example: { n: 1 },
    columns: [{ member: 'n', encoding: 'number', tensor: 'n' }],
    outputs: [{ member: 'y', unit: 'one', tensor: 'y' }],
    figures: {},
  },
  'test',
);

/** What a reader makes of a text cut into pieces of every size up to its length. */
async function read(reader: RowReader, text: string, pieceLength: number): Promise<Row[]> {
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += pieceLength) pieces.push(text.slice(at, at + pieceLength));
  const rows: Row[] = [];
  for await (const some of reader(Readable.from(pieces) as AsyncIterable<string>)) rows.push(...some);
  return rows;
}

async function failure(reading: Promise<unknown>): Promise<UploadError> {
  return reading.then(
    () => {
      throw new Error('was taken');
    },
    (error: unknown) => error as UploadError,
  );
}

const values = (rows: Row[]): unknown[] => rows.map((row) => ('value' in row ? row.value : row.unreadable));

const PIECES = [1, 2, 3, 7, 1_000];

it.each(PIECES)('reads NDJSON in pieces of %i characters', async (length) => {
  const rows = await read(ndjsonRows, '{"n":1}\r\n\n{"n":\n 3 \n[4]', length);
  expect(values(rows)).toEqual([{ n: 1 }, expect.stringContaining('is not JSON'), 3, [4]]);
});

it.each(PIECES)('reads JSON in pieces of %i characters', async (length) => {
  const rows = await read(jsonRows, '{"inputs":[{"n":1,"s":[{}]}, 3,[{"n":2}] ]}', length);
  expect(values(rows)).toEqual([{ n: 1, s: [{}] }, 3, [{ n: 2 }]]);
});

it.each(PIECES)('reads CSV in pieces of %i characters', async (length) => {
  const rows = await read(csvRows(manifest), 'n,s,b\n1.5,"a, ""b""",true\n\nNaN,,x\n1,2\n2,,\n', length);
  expect(values(rows)).toEqual([
    { n: 1.5, s: 'a, "b"', b: true },
    { n: 'NaN', b: 'x' },
    'has 2 cells, the header 3',
    { n: 2 },
  ]);
});

it.each([
  ['no member inputs', '{}', '#/inputs is required'],
  ['another member', '{"inputs":[],"extra":1}', '#/extra is not a known member'],
  ['inputs that are no array', '{"inputs":{"n":1}}', '#/inputs must be an array'],
  ['no object', '[{"n":1}]', '# must be an object'],
  ['inputs twice', '{"inputs":[{"n":1}],"inputs":[]}', '#/inputs must be given once'],
])('refuses a JSON body with %s', async (_, text, message) => {
  expect(await failure(read(jsonRows, text, 1_000))).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(message),
  });
});

it.each([
  ['cut off JSON', jsonRows, '{"inputs":[{"n":1}'],
  ['broken JSON', jsonRows, '{"inputs":[}'],
  ['an empty JSON body', jsonRows, ''],
  ['a broken quote in CSV', csvRows(manifest), 'n\n"1'],
] as const)('refuses %s as malformed', async (_, reader, text) => {
  expect((await failure(read(reader, text, 1_000))).code).toBe('malformed');
});

it.each([
  ['an unknown column', 'n,colour\n1,2', '#/colour'],
  ['a missing column', 's\n1', '#/n'],
  ['a column twice', 'n,n\n1,1', '#'],
  ['no header', '', '#'],
])('refuses a CSV header with %s', async (_, text, pointer) => {
  const error = await failure(read(csvRows(manifest), text, 1_000));
  expect(error.code).toBe('invalid');
  expect(error.violations.map((violation) => violation.pointer)).toContain(pointer);
});

it.each([
  ['NDJSON', ndjsonRows, ''],
  ['JSON', jsonRows, '{"inputs":[ "'],
  ['CSV', csvRows(manifest), 'n\n'],
] as const)('refuses a row of megabytes in %s without keeping it', async (_, reader, head) => {
  async function* endless(): AsyncGenerator<string> {
    yield head;
    for (let i = 0; i < 160; i += 1) yield '1'.repeat(65_536);
  }
  const reading = (async () => {
    for await (const rows of reader(endless())) expect(rows).toEqual([]);
  })();
  expect((await failure(reading)).code).toBe('too_large');
});

it.each([
  ['blank lines', 'n\n', '\n'.repeat(8_192), 'too_large'],
  ['a quoted cell', 'n\n"', 'a"",\n'.repeat(1_600), 'too_large'],
  ['a row of commas', 'n\n', ','.repeat(8_192), 'too_large'],
  ['a header', '', 'a,'.repeat(4_096), 'too_large'],
])('refuses CSV with %s without end', async (_, head, more, code) => {
  async function* endless(): AsyncGenerator<string> {
    yield head;
    for (let i = 0; i < 200; i += 1) yield more;
  }
  const reading = (async () => {
    for await (const rows of csvRows(manifest)(endless())) expect(rows).toEqual([]);
  })();
  expect((await failure(reading)).code).toBe(code);
});

it.each([
  ['NDJSON', ndjsonRows, '', 'x\n'],
  ['JSON', jsonRows, '{"inputs":[1', ',1'],
  ['CSV', csvRows(manifest), 'n\n', '1\n'],
] as const)('reads %s in short steps', async (_, reader, head, row) => {
  const pieces = [head, ...Array<string>(4).fill(row.repeat(4_096))];
  const sizes: number[] = [];
  if (reader === jsonRows) pieces.push(']}');
  for await (const rows of reader(Readable.from(pieces) as AsyncIterable<string>)) sizes.push(rows.length);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4_097);
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThanOrEqual(4 * 4_096);
});

describe('the text of a body', () => {
  const options = { gzip: false, limitBytes: 1_000, idleMs: 10_000, signal: new AbortController().signal };
  const textOf = async (bytes: Buffer[], changes: Partial<typeof options> = {}): Promise<string> => {
    let text = '';
    for await (const piece of bodyText(Readable.from(bytes), { ...options, ...changes })) text += piece;
    return text;
  };

  it('joins characters that were cut and drops a byte order mark', async () => {
    const bytes = Buffer.from('\uFEFFzoné 🚕');
    expect(await textOf([...bytes].map((byte) => Buffer.of(byte)))).toBe('zoné 🚕');
  });

  it('decompresses gzip and counts what comes out of it', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000));
    expect(await textOf([gzipSync('hello')], { gzip: true })).toBe('hello');
    expect((await failure(textOf([bomb], { gzip: true }))).code).toBe('too_large');
  });

  it('refuses what is not UTF-8, not gzip, or cut off', async () => {
    const whole = gzipSync('hello, this is a longer text');
    expect((await failure(textOf([Buffer.of(0x61, 0xff)]))).code).toBe('malformed');
    expect((await failure(textOf([Buffer.of(0xc3)]))).code).toBe('malformed');
    expect((await failure(textOf([Buffer.from('plain')], { gzip: true }))).code).toBe('malformed');
    expect((await failure(textOf([whole.subarray(0, -9)], { gzip: true }))).code).toBe('malformed');
  });
});
