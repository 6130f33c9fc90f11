import { TokenParser, Tokenizer, TokenType } from '@streamparser/json';
import { messageOf } from '../../../shared/errors.js';
import type { Manifest } from '../../../shared/model/manifest.js';
import { memberPointer } from '../../../shared/validation/ajv.js';
import { notUtf8, rowLimitCharsOf, type Row, type RowReader, rowTooLong, UploadError } from './rows.js';

/** Reads the members of `inputs` in `{"inputs":[...]}`, keeping one of them in memory at a time. */
export const jsonRows = (manifest: Manifest): RowReader =>
  async function* (body) {
    const limitChars = rowLimitCharsOf(manifest);
    const decoder = new TextDecoder('utf-8', { fatal: true });
    const tokenizer = new Tokenizer();
    const values = new TokenParser({ paths: ['$.inputs.*'], keepStack: false });
    const frame = new Frame();
    let rows: Row[] = [];
    let offset = 0;
    let rowOffset = 0;
    let sinceRowChars = 0;
    tokenizer.onToken = (token) => {
      frame.check(token.token, token.value);
      offset = token.offset;
      values.write(token);
    };
    values.onValue = ({ value }) => {
      rows.push({ value, chars: offset - rowOffset });
      rowOffset = offset;
    };
    for await (const piece of body) {
      const text = decode(decoder, piece);
      sinceRowChars += text.length;
      tokenize(tokenizer, text);
      if (rows.length > 0) sinceRowChars = 0;
      if (sinceRowChars > limitChars) throw rowTooLong(limitChars);
      yield rows;
      rows = [];
    }
    tokenize(tokenizer, decode(decoder));
    if (!values.isEnded) throw new UploadError('malformed', 'the body ends in the middle of its JSON');
    if (!frame.hasInputs) throw invalid('#/inputs', 'is required');
  };

/** Checks the frame of the rows: an object whose only member is `inputs`, an array. Throws at the first other token. */
class Frame {
  hasInputs = false;
  #depth = 0;
  #expectsMember = false;

  check(token: TokenType, value: unknown): void {
    const opens = token === TokenType.LEFT_BRACE || token === TokenType.LEFT_BRACKET;
    if (this.#depth === 0 && token !== TokenType.LEFT_BRACE) throw notAnObject();
    if (this.#depth === 1) this.#checkMember(token, value);
    if (opens) this.#depth += 1;
    else if (token === TokenType.RIGHT_BRACE || token === TokenType.RIGHT_BRACKET) this.#depth -= 1;
    if (this.#depth === 1 && (token === TokenType.LEFT_BRACE || token === TokenType.COMMA)) {
      this.#expectsMember = true;
    }
  }

  #checkMember(token: TokenType, value: unknown): void {
    if (this.#expectsMember && token === TokenType.STRING) {
      if (value !== 'inputs') throw invalid(memberPointer('#', String(value)), 'is not a known member');
      if (this.hasInputs) throw invalid('#/inputs', 'must be given once');
      this.hasInputs = true;
      this.#expectsMember = false;
    } else if (!this.#expectsMember && !STRUCTURE.has(token)) throw invalid('#/inputs', 'must be an array');
  }
}

/** Tokens that may stand between the member's name and the end of the object, beside the rows. */
const STRUCTURE: ReadonlySet<TokenType> = new Set([
  TokenType.COLON,
  TokenType.COMMA,
  TokenType.LEFT_BRACKET,
  TokenType.RIGHT_BRACE,
]);

function decode(decoder: InstanceType<typeof TextDecoder>, piece?: Buffer): string {
  try {
    return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
  } catch {
    throw notUtf8();
  }
}

function tokenize(tokenizer: Tokenizer, piece: string): void {
  try {
    if (piece !== '') tokenizer.write(piece);
  } catch (error) {
    throw error instanceof UploadError
      ? error
      : new UploadError('malformed', `the body is not JSON: ${messageOf(error)}`);
  }
}

const invalid = (pointer: string, detail: string): UploadError =>
  new UploadError('invalid', `${pointer} ${detail}`, [{ pointer, detail }]);
const notAnObject = (): UploadError => invalid('#', 'must be an object with the member inputs');
