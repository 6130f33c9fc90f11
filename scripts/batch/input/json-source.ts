import { JSONParser } from '@streamparser/json';
import { messageOf } from '../../../shared/errors.js';
import { rowOfValue, sampled } from './json-values.js';
import { InputFileError, type Source, type SourcePage, type SourceRow, withoutFirst } from './source.js';
import { readTextFile } from './text-file.js';

/** One JSON document: an array of objects, or an object with such an array as `inputs`. */
export const openJson = (path: string): Promise<Source> =>
  sampled(path, (fromRow) => withoutFirst(readElements(path), fromRow));

async function* readElements(path: string): AsyncGenerator<SourcePage, void, undefined> {
  let rows: SourceRow[] = [];
  let count = 0;
  let parser: JSONParser | undefined;
  for await (const { text, share } of readTextFile(path)) {
    if (!parser && text.trim() === '') continue;
    parser ??= openParser(path, text.trimStart(), (value) => rows.push(rowOfValue(value, undefined)));
    parse(path, parser, text);
    count += rows.length;
    yield { rows, share };
    rows = [];
  }
  if (!parser?.isEnded) throw new InputFileError(path, 'ends in the middle of its JSON');
  if (count === 0) throw new InputFileError(path, NOT_ROWS);
}

const NOT_ROWS = 'must hold rows as [{...}, ...] or {"inputs": [{...}, ...]}';

/** A path that only rows match: the parser keeps whatever holds something else that is asked for. */
function openParser(path: string, start: string, onRow: (value: unknown) => void): JSONParser {
  const rows = start.startsWith('[') ? '$.*' : start.startsWith('{') ? '$.inputs.*' : undefined;
  if (rows === undefined) throw new InputFileError(path, NOT_ROWS);
  const parser = new JSONParser({ paths: [rows], keepStack: false });
  parser.onValue = ({ value }) => onRow(value);
  return parser;
}

function parse(path: string, parser: JSONParser, text: string): void {
  try {
    if (!parser.isEnded || text.trim() !== '') parser.write(text);
  } catch (cause) {
    throw new InputFileError(path, `is not JSON: ${messageOf(cause)}`, { cause });
  }
}
