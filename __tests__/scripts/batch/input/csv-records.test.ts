import { cellsOf, CsvRecords } from '../../../../scripts/batch/input/csv-records.js';

/** Cells of a text that is read in pieces of so many characters. */
function read(text: string, pieceChars: number): (string[] | undefined)[] {
  const csv = new CsvRecords('x.csv');
  const records: string[] = [];
  for (let at = 0; at < text.length; at += pieceChars) {
    records.push(...csv.add(text.slice(at, at + pieceChars)));
  }
  return [...records, ...csv.end()].map(cellsOf);
}

describe.each([1_000, 9, 5])('in pieces of %d characters', (pieceChars) => {
  it.each([
    [
      'line feeds',
      'a,b\n1,2\n\n3,\n',
      [
        ['a', 'b'],
        ['1', '2'],
        ['3', ''],
      ],
    ],
    [
      'carriage returns and line feeds',
      'a,b\r\n1,"x\r\ny"\r\n',
      [
        ['a', 'b'],
        ['1', 'x\r\ny'],
      ],
    ],
    ['no line end at the end', 'a\n"1"', [['a'], ['1']]],
    [
      'commas, quotes and line feeds in quotes',
      'a,b\n"x,""y""\n\nz",""\n',
      [
        ['a', 'b'],
        ['x,"y"\n\nz', ''],
      ],
    ],
    ['quotes where none belong', 'a,b\n1,x"y"\n"1"2,3\n', [['a', 'b'], undefined, undefined]],
  ])('are cut at %s', (_, text, cells) => {
    expect(read(text, pieceChars)).toEqual(cells);
  });
});

it('are cut at carriage returns, where there is nothing else', () => {
  expect(read('a,b\r1,2\r', 1_000)).toEqual([
    ['a', 'b'],
    ['1', '2'],
  ]);
});

it('end with what a quote leaves open', () => {
  expect(() => read('a\n"1\n2\n', 4)).toThrow('a quote is never closed, in "1');
  const csv = new CsvRecords('x.csv');
  csv.add('a\n"');
  expect(() => csv.add('x'.repeat(5_000_000))).toThrow('is not CSV: it has a record of more than');
});
