import { JSONParser } from '@streamparser/json';
import { messageOf } from '../../../shared/errors.js';
import { isRecord } from '../../../shared/text/is-record.js';
import { kindsOf } from './sample.js';
import { InputFileError, objectValues, type Source, type SourcePage } from './source.js';
import type { TextInput } from './text-file.js';

/** One JSON document: an array of objects, or an object with such an array as `inputs`. */
export async function openJson(input: TextInput): Promise<Source> {
  const kinds = await kindsOf(input.name, readElements(input));
  return { columns: [...kinds.keys()], kinds, pages: () => readElements(input) };
}

async function* readElements(input: TextInput): AsyncGenerator<SourcePage, void, undefined> {
  let rows: unknown[] = [];
  let firstRow = 0;
  let parser: JSONParser | undefined;
  for await (const { text, share } of input.pieces()) {
    if (!parser && text.trim() === '') continue;
    parser ??= openParser(input.name, text.trimStart(), (value) => rows.push(value));
    parse(input.name, parser, text);
    yield pageOf(rows, firstRow, share);
    firstRow += rows.length;
    rows = [];
  }
  if (!parser?.isEnded) throw new InputFileError(input.name, 'ends in the middle of its JSON');
  if (firstRow === 0) throw new InputFileError(input.name, NOT_ROWS);
}

function pageOf(rows: readonly unknown[], firstRow: number, share: number): SourcePage {
  const unreadable = new Map<number, string>();
  const objects = rows.map((value, row) => {
    if (isRecord(value)) return value;
    unreadable.set(row, 'is no JSON object');
    return {};
  });
  return { firstRow, length: rows.length, share, values: () => objectValues(objects, unreadable) };
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
