import { randomBytes } from 'node:crypto';
import { messageOf } from '../../../shared/errors.js';
import { isRecord } from '../../../shared/text/is-record.js';
import { sampleOfRows } from './sample.js';
import { InputFileError, objectValues, type PageValues, type Source, type SourcePage } from './source.js';
import type { TextInput } from './text-file.js';

/** A line that does not end is some other file. */
const LINE_LIMIT_CHARS = 4_194_304;

/** One JSON object a line; empty lines are no rows. */
export async function openNdjson(input: TextInput): Promise<Source> {
  const { kinds } = await sampleOfRows(input.name, readLines(input));
  return { columns: [...kinds.keys()], kinds, textFormat: 'ndjson', pages: () => readLines(input) };
}

async function* readLines(input: TextInput): AsyncGenerator<SourcePage, void, undefined> {
  let rest = '';
  let firstRow = 0;
  const pageOf = (lines: readonly string[], share: number): SourcePage => {
    const texts = lines.filter((line) => !isBlank(line)).map(trimmed);
    const page = { firstRow, length: texts.length, share, texts, values: () => valuesOf(texts) };
    firstRow += texts.length;
    return page;
  };
  for await (const { text, share } of input.pieces()) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LIMIT_CHARS) {
      throw new InputFileError(
        input.name,
        `has a line of more than ${LINE_LIMIT_CHARS} characters: is it NDJSON?`,
      );
    }
    yield pageOf(lines, share);
  }
  yield pageOf([rest], 1);
}

/** Most lines start with a brace; looking at one character is all they cost. */
const isBlank = (line: string): boolean => !line.startsWith('{') && line.trim() === '';

const trimmed = (line: string): string => (line.startsWith('{') && line.endsWith('}') ? line : line.trim());

/** Stands between two lines that are parsed together. No line can hold it. */
const BETWEEN = randomBytes(8).toString('hex');

/**
 * One JSON document in place of many: one call costs less than a thousand. Lines that are bad alone may be good
 * together, as `1,2` before `[3` and `4]` are three values in three lines. Then a mark between two lines is missing
 * from its place, and each line is parsed by itself.
 */
function valuesOf(texts: readonly string[]): PageValues {
  const unreadable = new Map<number, string>();
  const values = parseTogether(texts);
  const objects = texts.map((text, row) => {
    try {
      const value: unknown = values ? values[2 * row] : JSON.parse(text);
      if (isRecord(value)) return value;
      unreadable.set(row, 'is no JSON object');
    } catch (error) {
      unreadable.set(row, `is not JSON: ${messageOf(error)}`);
    }
    return {};
  });
  return objectValues(objects, unreadable);
}

/** The values of the lines with the marks between them; undefined where these are not one value a line. */
function parseTogether(texts: readonly string[]): unknown[] | undefined {
  try {
    const values = JSON.parse(`[${texts.join(`,"${BETWEEN}",`)}]`) as unknown[];
    if (values.length !== 2 * texts.length - 1) return undefined;
    for (let at = 1; at < values.length; at += 2) if (values[at] !== BETWEEN) return undefined;
    return values;
  } catch {
    return undefined;
  }
}
