import { messageOf } from '../../../shared/errors.js';
import { isRecord } from '../../../shared/text/is-record.js';
import { RowTexts } from '../row-texts.js';
import { kindsOf } from './sample.js';
import { InputFileError, objectValues, type PageValues, type Source, type SourcePage } from './source.js';
import type { TextInput } from './text-file.js';

/** A line that does not end is some other file. */
const LINE_LIMIT_CHARS = 4_194_304;

/** One JSON object a line; empty lines are no rows. */
export async function openNdjson(input: TextInput): Promise<Source> {
  const kinds = await kindsOf(input.name, readLines(input));
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

function valuesOf(texts: RowTexts): PageValues {
  const unreadable = new Map<number, string>();
  const objects: Record<string, unknown>[] = [];
  const add = (line: string): void => {
    try {
      const value: unknown = JSON.parse(line);
      if (isRecord(value)) return void objects.push(value);
      unreadable.set(objects.length, 'is no JSON object');
    } catch (error) {
      unreadable.set(objects.length, `is not JSON: ${messageOf(error)}`);
    }
    objects.push({});
  };
  for (const block of texts.blocks()) {
    const lines = block.slice(0, -1);
    const together = parseTogether(lines);
    if (together) objects.push(...together);
    else for (const line of lines.split('\n')) add(line);
  }
  return objectValues(objects, unreadable);
}

/**
 * The objects of many lines by one call, which costs less than a thousand; undefined where each line has to be parsed by itself.
 * Lines that are bad alone may be good together, as `{"a":1` before `"b":2}`. But where each begins with its only opening brace,
 * as many objects as lines are one a line.
 */
function parseTogether(lines: string): Record<string, unknown>[] | undefined {
  let braces = 0;
  for (let at = lines.indexOf('{'); at >= 0; at = lines.indexOf('{', at + 1)) {
    if (at > 0 && lines[at - 1] !== '\n') return undefined;
    braces += 1;
  }
  if (braces !== lineEndsIn(lines) + 1) return undefined;
  try {
    const values = JSON.parse(`[${lines.replaceAll('\n', ',')}]`) as unknown[];
    return values.length === braces && values.every(isRecord) ? values : undefined;
  } catch {
    return undefined;
  }
}

function lineEndsIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
