import { execFileSync } from 'node:child_process';
import { type InputFormat, inputFormatOf, openSource } from '../../../../scripts/batch/input/open-source.js';
import { InputFileError, type Source } from '../../../../scripts/batch/input/source.js';
import { openNdjson } from '../../../../scripts/batch/input/ndjson-source.js';
import { textStream } from '../../../../scripts/batch/input/text-file.js';
import { describeWithData, greenTrips } from '../../trips/trip-data.js';
import { scratchFolder } from '../scratch.js';

const { path, write } = scratchFolder();

/** A file opened by its ending. */
const open = (file: string): Promise<Source> => openSource(file, inputFormatOf(file));

/** A row by its columns, or as the object that it is. */
interface Row {
  values: Record<string, unknown>;
  text: string | undefined;
  unreadable: string | undefined;
}

async function rowsOf(source: Source, fromRow = 0): Promise<Row[]> {
  const rows: Row[] = [];
  let share = 0;
  for await (const page of source.pages(fromRow)) {
    const { objects, column, unreadable } = page.values();
    for (let row = Math.max(0, fromRow - page.firstRow); row < page.length; row += 1) {
      const cells = source.columns.map((name) => [name, column(name)(row)]);
      const values = objects?.[row] ?? (Object.fromEntries(cells) as Record<string, unknown>);
      rows.push({ values, text: page.texts?.at(row), unreadable: unreadable.get(row) });
    }
    expect(page.share).toBeGreaterThanOrEqual(share);
    share = page.share;
  }
  expect(share).toBe(1);
  return rows;
}

const valuesOf = async (source: Source, fromRow = 0): Promise<Record<string, unknown>[]> =>
  (await rowsOf(source, fromRow)).map(({ values }) => values);

describe('every text format', () => {
  const rows = [{ a: 1, b: 'x,"y"\nz' }, { a: -2.5 }, { b: 'ü', c: { d: [1] } }];
  const asText = { a: ['1', '-2.5', undefined], b: ['x,"y"\nz', undefined, 'ü'] };
  const files = {
    ndjson: write(
      'rows.ndjson',
      `\uFEFF${JSON.stringify(rows[0])}\r\n\n${JSON.stringify(rows[1])}\n  \n${JSON.stringify(rows[2])}`,
    ),
    inputs: write('rows.json', JSON.stringify({ ignored: [{ a: 9 }], inputs: rows }, null, 2)),
    array: write('array.json', ` ${JSON.stringify(rows)}\n`),
    csv: write('rows.csv', '\uFEFFa, b \n1,"x,""y""\nz"\n-2.5,\n\n,ü\n'),
  };

  it.each(['ndjson', 'inputs', 'array'] as const)('reads rows of JSON: %s', async (name) => {
    const source = await open(files[name]);
    expect(source.columns).toEqual(['a', 'b', 'c']);
    expect(await valuesOf(source)).toEqual(rows);
    expect(await valuesOf(source, 2)).toEqual(rows.slice(2));
    expect(await valuesOf(source, 9)).toEqual([]);
  });

  it('reads a table, whose cells are text and may be absent', async () => {
    const source = await open(files.csv);
    expect(source.columns).toEqual(['a', 'b']);
    const read = await valuesOf(source);
    for (const name of ['a', 'b'] as const) expect(read.map((row) => row[name])).toEqual(asText[name]);
    expect(await valuesOf(source, 1)).toHaveLength(2);
  });

  it('keeps the text of rows of NDJSON', async () => {
    const [first] = await rowsOf(await open(files.ndjson));
    expect(first?.text).toBe(JSON.stringify(rows[0]));
  });
});

it('reads rows that reach over the pieces of a file, in every format', async () => {
  const rows = Array.from({ length: 6_000 }, (_, row) => ({ row, text: 'ü'.repeat(row % 100) || '-' }));
  const lines = rows.map((row) => JSON.stringify(row));
  const files = [
    write('long.ndjson', lines.join('\n')),
    write('long.json', `[${lines.join(',')}]`),
    write('long.csv', ['row,text', ...rows.map(({ row, text }) => `${row},${text}`)].join('\n')),
  ];
  for (const file of files) {
    const read = await valuesOf(await open(file), 4_000);
    expect(read.map(({ row }) => Number(row))).toEqual(rows.slice(4_000).map(({ row }) => row));
    expect(read.at(-1)?.['text']).toBe(rows.at(-1)?.text);
  }
});

it('reads a stream once, and what the look into it took again', async () => {
  async function* pieces(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let row = 0; row < 5_000; row += 1) yield Buffer.from(`{"row":${row}}\n`);
  }
  const read = await valuesOf(await openNdjson(textStream('standard input', pieces())));
  expect(read).toEqual(Array.from({ length: 5_000 }, (_, row) => ({ row })));
});

it.each([
  ['numbers', '1\n2.5\n\n-1e3\n', 'number'],
  ['numbers with other zeros', '1\n007\n', 'text'],
  ['numbers too long for a double', '1\n12345678901234567890\n', 'text'],
  ['text', 'x\n1\n', 'text'],
  ['nothing', '""\n', 'text'],
])('sees what a column holds: %s', async (_, cells, kind) => {
  const source = await open(write('kinds.csv', `a\n${cells}`));
  expect(source.kinds.get('a')).toBe(kind);
});

describe('rows that are none', () => {
  it('are told apart from their neighbours in NDJSON, however they would fit together', async () => {
    const lines = ['{"a":1}', '{"a":', '2}', '5', 'null', '{"a":[{"b":1}', '{"c":2}]}', '{"a":3}'];
    const rows = await rowsOf(await open(write('bad.ndjson', lines.join('\n'))));
    expect(rows.map(({ unreadable }) => unreadable?.replace(/: .*/, ''))).toEqual([
      undefined,
      'is not JSON',
      'is not JSON',
      'is no JSON object',
      'is no JSON object',
      'is not JSON',
      'is not JSON',
      undefined,
    ]);
    expect(rows.map(({ text }) => text)).toEqual(lines);
  });

  it.each([
    [['1,2', '[3', '4]', '{"a":1}'], 3],
    [['{"a":1},{"a":2}', '{"b":[{}', '{}]}', '{"a":1}'], 3],
    [['{"a":1},"', '",{"a":2}', '{"a":1}'], 2],
    [['{"a":1},2', '{"a":"x', '{","b":1}', '{"a":1}'], 3],
    [['{"a":1', '"b":2}', '{"a":1}'], 2],
  ])('are told apart where lines and values are as many, but not the same: %j', async (lines, bad) => {
    const rows = await rowsOf(await open(write('shifted.ndjson', lines.join('\n'))));
    expect(rows.map(({ unreadable }) => unreadable?.replace(/: .*/, ''))).toEqual([
      ...Array.from({ length: bad }, () => 'is not JSON'),
      undefined,
    ]);
    expect(rows.at(-1)?.values).toEqual({ a: 1 });
  });

  it('are told in JSON', async () => {
    const rows = await rowsOf(await open(write('bad.json', '[{"a":1},7]')));
    expect(rows[1]).toMatchObject({ values: {}, unreadable: 'is no JSON object' });
  });

  it('are told in CSV by their number of cells', async () => {
    const rows = await rowsOf(await open(write('bad.csv', 'a,b\n1\n1,2,3\n1,x"y"\n1,2\n')));
    expect(rows.map(({ unreadable }) => unreadable)).toEqual([
      'has 1 cells, the header has 2',
      'has 3 cells, the header has 2',
      'has a quote in the middle of a cell',
      undefined,
    ]);
  });
});

describe('files that are none', () => {
  it.each([
    ['empty.csv', '', 'is empty'],
    ['twice.csv', 'a,b,a\n1,2,3\n', 'two columns named "a"'],
    ['quote.csv', 'a\n"never closed\n', 'is not CSV'],
    ['latin.csv', Buffer.from('a\n\xE9\n', 'latin1'), 'is not UTF-8'],
    ['latin.ndjson', Buffer.from('{"a":"\xE9"}\n', 'latin1'), 'is not UTF-8'],
    ['empty.ndjson', '\n \n', 'has no rows'],
    ['scalar.json', '7', 'must hold rows as'],
    ['other.json', '{"rows":[{"a":1}]}', 'must hold rows as'],
    ['half.json', '[{"a":1},', 'ends in the middle'],
    ['wrong.json', '[{"a":1}}', 'is not JSON'],
    ['two.json', '[{"a":1}] [{"a":2}]', 'is not JSON'],
    ['none.parquet', 'PAR0', 'cannot be read as Parquet'],
  ])('%s', async (name, content, problem) => {
    const file = write(name, content);
    const read = async (): Promise<unknown> => rowsOf(await open(file));
    await expect(read()).rejects.toThrow(InputFileError);
    await expect(read()).rejects.toThrow(problem);
    await expect(read()).rejects.toThrow(file);
  });

  it('that are not there, or of an unknown ending', async () => {
    for (const format of ['csv', 'ndjson', 'json', 'parquet'] satisfies InputFormat[]) {
      await expect(openSource(path('nowhere'), format)).rejects.toThrow('cannot be read');
    }
    expect(() => inputFormatOf('rows.xlsx')).toThrow('say which it is with --format');
  });

  it('that never end their first line', async () => {
    const file = write('endless.ndjson', `{"a":"${'x'.repeat(5_000_000)}"}`);
    await expect(open(file)).rejects.toThrow('is it NDJSON?');
  });
});

describeWithData('TLC trip files', () => {
  it('come as numbers, text and local times', async () => {
    const source = await open(greenTrips('2021-02'));
    expect(source.columns.slice(0, 3)).toEqual(['VendorID', 'lpep_pickup_datetime', 'lpep_dropoff_datetime']);
    const rows = await valuesOf(source);
    expect(rows).toHaveLength(61_921);
    expect(rows[0]).toMatchObject({
      VendorID: 2,
      lpep_pickup_datetime: '2021-02-01T00:34:03',
      PULocationID: '130',
      trip_distance: 3.66,
      ehail_fee: undefined,
    });
    expect(await valuesOf(source, 61_900)).toEqual(rows.slice(61_900));
    expect(() => JSON.stringify(rows)).not.toThrow();
  });

  it('have whole numbers for zones in other years', async () => {
    const [first] = await valuesOf(await open(greenTrips('2023-01')));
    expect(first).toMatchObject({ PULocationID: expect.any(Number) as number, VendorID: 2 });
  });
});

describe('what is odd about a file', () => {
  it('is no name of a column', async () => {
    const [row] = await valuesOf(await open(write('names.csv', '__proto__,constructor,toString\nx,y,\n')));
    expect(Object.entries(row ?? {}).slice(0, 2)).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    expect(row?.['toString']).toBeUndefined();
  });

  it('is told: another separator, and what cannot be read twice', async () => {
    await expect(open(write('semicolons.csv', 'a;b\n1;2\n'))).rejects.toThrow('parted by commas');
    const fifo = path('fifo.csv');
    execFileSync('mkfifo', [fifo]);
    await expect(open(fifo)).rejects.toThrow(
      `${fifo}: cannot be read: it is no regular file; give it on standard input, as -`,
    );
  });
});
