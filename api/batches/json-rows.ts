import { JSONParser } from '@streamparser/json';
import { messageOf } from '../../shared/errors.js';
import { ROW_LIMIT_CHARS, type Row, type RowReader } from './rows.js';
import { UploadError } from './upload-error.js';

/** Reads the members of `inputs` in `{"inputs":[...]}`, keeping one of them in memory at a time. */
export const jsonRows: RowReader = async function* (text) {
  const parser = new JSONParser({ paths: ['$', '$.*', '$.inputs.*'], keepStack: false });
  let rows: Row[] = [];
  let sinceRowChars = 0;
  const members: string[] = [];
  parser.onValue = ({ value, key, stack }) => {
    if (stack.length === 2 && stack[1]?.key === 'inputs') rows.push({ value });
    if (stack.length === 1) members.push(String(key));
    if (stack.length === 1 && key === 'inputs' && !Array.isArray(value)) throw notAnArray();
    if (stack.length === 0 && (typeof value !== 'object' || value === null || Array.isArray(value))) {
      throw notAnObject();
    }
  };
  for await (const piece of text) {
    sinceRowChars += piece.length;
    write(parser, piece);
    if (rows.length > 0) sinceRowChars = 0;
    if (sinceRowChars > 2 * ROW_LIMIT_CHARS) {
      throw new UploadError('too_large', `a row is longer than ${ROW_LIMIT_CHARS} characters`);
    }
    const unknown = members.find((member) => member !== 'inputs');
    if (unknown !== undefined) throw invalid(`#/${unknown}`, 'is not a known member');
    yield rows;
    rows = [];
  }
  if (!parser.isEnded) throw new UploadError('malformed', 'the body ends in the middle of its JSON');
  if (!members.includes('inputs')) throw invalid('#/inputs', 'is required');
};

function write(parser: JSONParser, piece: string): void {
  try {
    if (piece !== '') parser.write(piece);
  } catch (error) {
    throw error instanceof UploadError
      ? error
      : new UploadError('malformed', `the body is not JSON: ${messageOf(error)}`);
  }
}

const invalid = (pointer: string, detail: string): UploadError =>
  new UploadError('invalid', `${pointer} ${detail}`, [{ pointer, detail }]);
const notAnArray = (): UploadError => invalid('#/inputs', 'must be an array');
const notAnObject = (): UploadError => invalid('#', 'must be an object with the member inputs');
