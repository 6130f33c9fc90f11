import { messageOf } from '../../../shared/errors.js';
import { rowOfValue, sampled } from './json-values.js';
import { InputFileError, type Source, type SourcePage, type SourceRow } from './source.js';
import { readTextFile } from './text-file.js';

/** A line that does not end is some other file. */
const LINE_LIMIT_CHARS = 4_194_304;

/** One JSON object a line; empty lines are no rows. */
export const openNdjson = (path: string): Promise<Source> =>
  sampled(path, (fromRow) => readLines(path, fromRow));

async function* readLines(path: string, fromRow: number): AsyncGenerator<SourcePage, void, undefined> {
  let toSkip = fromRow;
  let rest = '';
  const rowsOf = (lines: readonly string[]): SourceRow[] => {
    const filled = lines.filter((line) => !isBlank(line));
    const skipped = Math.min(toSkip, filled.length);
    toSkip -= skipped;
    return parseLines(skipped === 0 ? filled : filled.slice(skipped));
  };
  for await (const { text, share } of readTextFile(path)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_LIMIT_CHARS) {
      throw new InputFileError(path, `has a line of more than ${LINE_LIMIT_CHARS} characters: is it NDJSON?`);
    }
    yield { rows: rowsOf(lines), share };
  }
  yield { rows: rowsOf([rest]), share: 1 };
}

/** Most lines start with a brace; looking at one character is all they cost. */
const isBlank = (line: string): boolean => !line.startsWith('{') && line.trim() === '';

/** One JSON document in place of many, where all of them are good: one call costs less than a thousand. */
function parseLines(lines: readonly string[]): SourceRow[] {
  let values: unknown;
  try {
    values = JSON.parse(`[${lines.join(',')}]`);
  } catch {
    return lines.map(parseLine);
  }
  if (!Array.isArray(values) || values.length !== lines.length) return lines.map(parseLine);
  return lines.map((line, at) => rowOfValue(values[at], trimmed(line)));
}

function parseLine(line: string): SourceRow {
  const json = trimmed(line);
  try {
    return rowOfValue(JSON.parse(json), json);
  } catch (error) {
    return { values: {}, json, unreadable: `is not JSON: ${messageOf(error)}` };
  }
}

const trimmed = (line: string): string => (line.endsWith('}') ? line : line.trim());
