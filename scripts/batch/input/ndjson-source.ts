import { randomInt } from 'node:crypto';
import { messageOf } from '../../../shared/errors.js';
import { isRecord } from '../../../shared/text/is-record.js';
import { RowTexts } from '../row-texts.js';
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
    const texts = new RowTexts();
    for (const line of lines) if (!isBlank(line)) texts.add(trimmed(line));
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

/** Stands between two lines that are parsed together: a number, the cheapest value, that no file knows. */
const BETWEEN = randomInt(2 ** 29, 2 ** 30);

/**
 * One JSON document in place of many: one call costs less than a thousand. Lines that are bad alone may be good
 * together, as `1,2` before `[3` and `4]` are three values in three lines. Then a mark between two lines is missing
 * from its place, and each line is parsed by itself.
 */
function valuesOf(texts: RowTexts): PageValues {
  const unreadable = new Map<number, string>();
  const objects: Record<string, unknown>[] = [];
  for (const block of texts.blocks()) {
    const lines = block.slice(0, -1);
    const values = parseTogether(lines);
    const add = (parse: () => unknown): void => {
      try {
        const value = parse();
        if (isRecord(value)) return void objects.push(value);
        unreadable.set(objects.length, 'is no JSON object');
      } catch (error) {
        unreadable.set(objects.length, `is not JSON: ${messageOf(error)}`);
      }
      objects.push({});
    };
    if (values) for (let at = 0; at < values.length; at += 2) add(() => values[at]);
    else for (const line of lines.split('\n')) add(() => JSON.parse(line));
  }
  return objectValues(objects, unreadable);
}

/** The values of lines with the marks between them; undefined where these are not one value a line. */
function parseTogether(lines: string): unknown[] | undefined {
  try {
    const values = JSON.parse(`[${lines.replaceAll('\n', `,${BETWEEN},`)}]`) as unknown[];
    for (let at = 1; at < values.length; at += 2) if (values[at] !== BETWEEN) return undefined;
    const marks = (values.length - 1) / 2;
    return marks === lineEndsIn(lines) ? values : undefined;
  } catch {
    return undefined;
  }
}

function lineEndsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
