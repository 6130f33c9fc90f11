import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { bodyPieces } from '../../../api/batches/upload/body-pieces.js';
import { csvRows } from '../../../api/batches/upload/csv-rows.js';
import { jsonRows } from '../../../api/batches/upload/json-rows.js';
import { ndjsonRows } from '../../../api/batches/upload/ndjson-rows.js';
import type { Row, RowReader, UploadError } from '../../../api/batches/upload/rows.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { parseManifest } from '../../../shared/model/read-manifest.js';
import { JSON_NUMBER } from '../../../shared/text/cells.js';
import { parseCsvRecords } from '../../../shared/text/csv-records.js';

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

const ndjson = ndjsonRows(manifest);
const csv = csvRows(manifest);
const jsonBody = jsonRows(manifest);

/** A row holds only until the next one is asked for. */
const kept = (row: Row): Row => structuredClone(row);
const countOf = (rows: Iterable<Row>): number => [...rows].length;

async function* body(pieces: Iterable<string>): AsyncGenerator<Buffer> {
  for (const piece of pieces) yield Buffer.from(piece);
}

/** What a reader makes of a text cut into pieces of that many bytes. */
async function read(reader: RowReader, text: string, pieceLength: number): Promise<Row[]> {
  const bytes = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceLength) pieces.push(bytes.subarray(at, at + pieceLength));
  const rows: Row[] = [];
  for await (const some of reader(Readable.from(pieces))) for (const row of some) rows.push(kept(row));
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

/** Absent members of a scanned row are undefined, which is the same to everybody who reads it. */
const values = (rows: Row[]): unknown[] =>
  rows.map((row) => ('value' in row ? (JSON.parse(JSON.stringify(row.value)) as unknown) : row.unreadable));

const PIECES = [1, 2, 3, 7, 1_000];

it.each(PIECES)('reads NDJSON in pieces of %i bytes', async (length) => {
  const rows = await read(ndjson, '{"n":1}\r\n\n{"n":\n 3 \n[4]', length);
  expect(values(rows)).toEqual([{ n: 1 }, expect.stringContaining('is not JSON'), 3, [4]]);
});

it.each(PIECES)('reads JSON in pieces of %i bytes', async (length) => {
  const rows = await read(jsonBody, '{"inputs":[{"n":1,"s":[{}]}, 3,[{"n":2}] ]}', length);
  expect(values(rows)).toEqual([{ n: 1, s: [{}] }, 3, [{ n: 2 }]]);
});

it.each(PIECES)('reads CSV in pieces of %i bytes', async (length) => {
  const rows = await read(csv, 'n,s,b\n1.5,"a, ""b""",true\n\nNaN,,x\n1,2\n2,,\n', length);
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
  expect(await failure(read(jsonBody, text, 1_000))).toMatchObject({
    code: 'invalid',
    message: expect.stringContaining(message),
  });
});

it.each([
  ['cut off JSON', jsonBody, '{"inputs":[{"n":1}'],
  ['broken JSON', jsonBody, '{"inputs":[}'],
  ['an empty JSON body', jsonBody, ''],
  ['a broken quote in CSV', csv, 'n\n"1'],
] as const)('refuses %s as malformed', async (_, reader, text) => {
  expect((await failure(read(reader, text, 1_000))).code).toBe('malformed');
});

it.each([
  ['an unknown column', 'n,colour\n1,2', '#/colour'],
  ['a missing column', 's\n1', '#/n'],
  ['a column twice', 'n,n\n1,1', '#'],
  ['no header', '', '#'],
])('refuses a CSV header with %s', async (_, text, pointer) => {
  const error = await failure(read(csv, text, 1_000));
  expect(error.code).toBe('invalid');
  expect(error.violations.map((violation) => violation.pointer)).toContain(pointer);
});

it.each([
  ['NDJSON', ndjson, ''],
  ['JSON', jsonBody, '{"inputs":[ "'],
  ['CSV', csv, 'n\n'],
] as const)('refuses a row of megabytes in %s without keeping it', async (_, reader, head) => {
  function* endless(): Generator<string> {
    yield head;
    for (let i = 0; i < 160; i += 1) yield '1'.repeat(65_536);
  }
  const reading = (async () => {
    for await (const rows of reader(body(endless()))) expect(countOf(rows)).toBe(0);
  })();
  expect((await failure(reading)).code).toBe('too_large');
});

it.each([
  ['a quoted cell', 'n\n"', 'a"",\n'.repeat(1_600), 'too_large'],
  ['a row of commas', 'n\n', ','.repeat(8_192), 'too_large'],
  ['a row of commas that ends', `n\n${','.repeat(65_536)}\n`, '', 'too_large'],
  ['a header', '', 'a,'.repeat(4_096), 'too_large'],
])('refuses CSV with %s without end', async (_, head, more, code) => {
  function* endless(): Generator<string> {
    yield head;
    for (let i = 0; i < 200; i += 1) yield more;
  }
  const reading = (async () => {
    for await (const rows of csv(body(endless()))) expect(countOf(rows)).toBe(0);
  })();
  expect((await failure(reading)).code).toBe(code);
});

it.each([
  ['NDJSON', ndjson, '', 'x\n'],
  ['JSON', jsonBody, '{"inputs":[1', ',1'],
  ['CSV', csv, 'n\n', '1\n'],
] as const)('reads %s in short steps', async (_, reader, head, row) => {
  const pieces = [head, ...Array<string>(4).fill(row.repeat(4_096))];
  const sizes: number[] = [];
  if (reader === jsonBody) pieces.push(']}');
  for await (const rows of reader(body(pieces))) sizes.push(countOf(rows));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(4_097);
  expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThanOrEqual(4 * 4_096);
});

it('reads NDJSON and CSV behind a byte order mark, and characters that were cut', async () => {
  for (const length of PIECES) {
    expect(values(await read(ndjson, '\uFEFF{"n":1,"s":"zoné 🚕"}', length))).toEqual([
      { n: 1, s: 'zoné 🚕' },
    ]);
    expect(values(await read(csv, '\uFEFFn,s\n1,zoné 🚕', length))).toEqual([{ n: 1, s: 'zoné 🚕' }]);
  }
});

it.each([
  ['NDJSON', ndjson, '{"n":1}\n{"s":"'],
  ['JSON', jsonBody, '{"inputs":["'],
  ['CSV', csv, 'n,s\n1,"'],
] as const)('refuses %s that is not UTF-8', async (_, reader, head) => {
  for (const bytes of [[0x61, 0xff, 0x0a], [0xc3]]) {
    const cut = Readable.from([Buffer.from(head), Buffer.from(bytes)]);
    const reading = (async () => {
      for await (const rows of reader(cut)) countOf(rows);
    })();
    expect((await failure(reading)).code).toBe('malformed');
  }
});

/** Values that are nearly what a number, a text or a boolean looks like. */
const numberText = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => JSON.stringify(n)),
  fc.integer().map(String),
  fc.stringMatching(/^-?[0-9]{0,17}(\.[0-9]{0,3})?$/),
  fc.constantFrom('-0', '00', '01', '1.', '.5', '1e3', '1E-2', '+1', '-', '0.1', '2.675', '9007199254740993'),
);
const jsonValue = fc.oneof(
  { weight: 4, arbitrary: numberText },
  fc.string({ unit: 'binary', maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.string({ maxLength: 8 }).map((text) => `"${text}"`),
  fc.constantFrom('true', 'false', 'null', 'tru', '[1]', '{}', ''),
);
const space = fc.constantFrom('', '', '', ' ', '\t', '\r');
const objectLine = fc
  .tuple(
    fc.array(fc.tuple(fc.constantFrom('n', 's', 'b', 'x', ''), jsonValue, space), { maxLength: 4 }),
    space,
  )
  .map(([members, gap]) => {
    const texts = members.map(([name, value, around]) => `"${name}"${around}:${around}${value}${gap}`);
    return `${gap}{${gap}${texts.join(`,${gap}`)}}${gap}`;
  });
const noLineFeed = (line: string): boolean => !line.includes('\n') && line.trim() !== '';

/** Absent members are undefined in a scanned row: that is the same to everybody who reads it. */
const json = (rows: Row[]): unknown[] =>
  rows.map((row) =>
    'value' in row ? JSON.stringify(row.value, Object.keys(Object(row.value)).toSorted()) : 'unreadable',
  );

it('reads every line of NDJSON as JSON.parse does', async () => {
  const line = fc.oneof({ weight: 5, arbitrary: objectLine }, jsonValue).filter(noLineFeed);
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 5 }), async (lines) => {
      const expected = lines.map((text): Row => {
        try {
          return { value: JSON.parse(text) as unknown, chars: 0 };
        } catch {
          return { unreadable: '', chars: 0 };
        }
      });
      expect(json(await read(ndjson, lines.join('\n'), 1_000))).toEqual(json(expected));
    }),
    { numRuns: 2_000 },
  );
});

it('reads every record of CSV as the parser does', async () => {
  const cell = fc.oneof(
    { weight: 4, arbitrary: numberText },
    fc.string({ unit: fc.constantFrom('a', ' ', '"', ',', 'é', '1', '\\', '\t'), maxLength: 5 }),
    fc.constantFrom('', 'true', 'false', ' 1', '1 ', 'true '),
  );
  const quoted = cell.map((text) => `"${text.replaceAll('"', '""')}"`);
  const plain = cell.filter((text) => !/[",]/.test(text));
  const record = fc
    .array(fc.oneof({ weight: 3, arbitrary: plain }, quoted), { minLength: 1, maxLength: 4 })
    .map((cells) => cells.join(','));
  const lineEnd = fc.constantFrom('\n', '\r\n');
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 5 }), lineEnd, async (records, end) => {
      const text = ['n,s,b', ...records].join(end);
      const expected = parseCsvRecords(Buffer.from(records.join(end))).map(([n, s, b, ...more]): Row => {
        if (b === undefined || more.length > 0) return { unreadable: '', chars: 0 };
        const cells = {
          ...(n === '' ? {} : { n: JSON_NUMBER.test(n ?? '') ? Number(n) : n }),
          ...(s === '' ? {} : { s }),
          ...(b === '' ? {} : { b: b === 'true' || (b === 'false' ? false : b) }),
        };
        return { value: cells, chars: 0 };
      });
      expect(json(await read(csv, text, 1_000))).toEqual(json(expected));
    }),
    { numRuns: 500 },
  );
});

describe('a body', () => {
  const options = { gzip: false, limitBytes: 1_000, idleMs: 10_000, signal: new AbortController().signal };
  const textOf = async (bytes: Buffer[], changes: Partial<typeof options> = {}): Promise<string> => {
    let text = '';
    for await (const piece of bodyPieces(Readable.from(bytes), { ...options, ...changes })) {
      text += piece.toString();
    }
    return text;
  };

  it('is decompressed, and bounded by what comes out of it', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000));
    expect(await textOf([gzipSync('hello')], { gzip: true })).toBe('hello');
    expect((await failure(textOf([bomb], { gzip: true }))).code).toBe('too_large');
  });

  it('is refused where it is not gzip, or cut off', async () => {
    const whole = gzipSync('hello, this is a longer text');
    expect((await failure(textOf([Buffer.from('plain')], { gzip: true }))).code).toBe('malformed');
    expect((await failure(textOf([whole.subarray(0, -9)], { gzip: true }))).code).toBe('malformed');
  });
});
