import type { CellType } from '../../../shared/text/cells.js';
import type { Manifest } from '../../../shared/model/manifest.js';

/** Rules of an input as a whole that the members of a scanned row can be held against: absent members are there as undefined. */
const KNOWN_RULES: ReadonlySet<string> = new Set([
  '$comment',
  '$id',
  '$schema',
  'additionalProperties',
  'description',
  'examples',
  'properties',
  'required',
  'title',
  'type',
]);
/** A set of members is one number of 32 bits. */
const MOST_MEMBERS = 31;
/** Integers of so many digits, and powers of ten up to their number, are exact in a double: so is what they are divided to. */
const MOST_DIGITS = 15;
const POWERS = Array.from({ length: MOST_DIGITS + 1 }, (_, exponent) => 10 ** exponent);

const [TAB, LINE_FEED, RETURN, SPACE, QUOTE, COMMA, MINUS, POINT] = [9, 10, 13, 32, 34, 44, 45, 46];
const [ZERO, NINE, COLON, BACKSLASH, OPEN, CLOSE] = [48, 57, 58, 92, 123, 125];

/** A column of a table: the member that its cells are, and what they are read as. */
export interface ScannedColumn {
  member: string;
  type: CellType;
}

/**
 * Reads rows straight out of bytes, at a fifth of what decoding and parsing their text costs. It knows what most rows are
 * made of: known members, numbers without an exponent, texts of ASCII without an escape, true and false. Whatever else it
 * meets it leaves to the parser of the format, so that it never has to tell why a row is bad.
 */
export class RowScanner {
  /** The members of the row that was read last, undefined where one is absent. The next row overwrites them. */
  readonly row: Record<string, unknown>;
  readonly #names: readonly string[];
  readonly #texts: readonly Buffer[];
  /** Where the value that was read last ended. */
  #end = 0;

  /** Undefined for an input that has rules for which an absent member and an undefined one are not the same. */
  static for({ input }: Pick<Manifest, 'input'>): RowScanner | undefined {
    const names = Object.keys(input.properties);
    const isPlain = Object.keys(input).every((rule) => KNOWN_RULES.has(rule));
    return isPlain && names.length <= MOST_MEMBERS ? new RowScanner(names) : undefined;
  }

  private constructor(names: readonly string[]) {
    this.#names = names;
    this.#texts = names.map((name) => Buffer.from(name));
    this.row = Object.fromEntries(names.map((name) => [name, undefined]));
  }

  /** Reads the object that is the line from `at` on. Where the line ends, or -1 where a parser has to look. */
  readObject(bytes: Buffer, at: number): number {
    if (bytes[at] !== OPEN) return -1;
    let seen = 0;
    let expected = 0;
    let next = endOfSpaces(bytes, at + 1);
    while (bytes[next] !== CLOSE) {
      const member = this.#readName(bytes, next, expected);
      if (member < 0 || (seen & (1 << member)) !== 0) return -1;
      seen |= 1 << member;
      expected = member + 1;
      next = endOfSpaces(bytes, this.#end);
      if (bytes[next] !== COLON) return -1;
      const value = this.#readValue(bytes, endOfSpaces(bytes, next + 1));
      if (value === undefined) return -1;
      this.row[this.#names[member]!] = value;
      next = endOfSpaces(bytes, this.#end);
      if (bytes[next] === CLOSE) break;
      if (bytes[next] !== COMMA) return -1;
      next = endOfSpaces(bytes, next + 1);
      // Nothing follows the last comma.
      if (bytes[next] === CLOSE) return -1;
    }
    this.#clearUnless(seen);
    next = endOfSpaces(bytes, next + 1);
    return endOfLine(bytes, bytes[next] === RETURN ? next + 1 : next);
  }

  /**
   * Reads the cells that are the line from `at` on, each into the member of the column. Where the line ends, or -1 where a
   * parser has to look.
   */
  readCells(bytes: Buffer, at: number, columns: readonly ScannedColumn[]): number {
    let next = at;
    for (let index = 0; index < columns.length; index += 1) {
      const { member, type } = columns[index]!;
      if (index > 0) {
        if (bytes[next] !== COMMA) return -1;
        next += 1;
      }
      const isQuoted = bytes[next] === QUOTE;
      if (isQuoted) next += 1;
      const value = this.#readCell(bytes, next, type, isQuoted);
      if (value === undefined) return -1;
      this.row[member] = value === '' ? undefined : value;
      next = this.#end;
      if (isQuoted) {
        if (bytes[next] !== QUOTE) return -1;
        next += 1;
      }
    }
    return endOfLine(bytes, bytes[next] === RETURN ? next + 1 : next);
  }

  #clearUnless(seen: number): void {
    for (let member = 0; member < this.#names.length; member += 1) {
      if ((seen & (1 << member)) === 0) this.row[this.#names[member]!] = undefined;
    }
  }

  /** Reads a quoted name. Members mostly come in the order of the first rows, hence `expected`. -1 for an unknown one. */
  #readName(bytes: Buffer, at: number, expected: number): number {
    if (bytes[at] !== QUOTE) return -1;
    const count = this.#texts.length;
    for (let tried = 0; tried < count; tried += 1) {
      const member = (expected + tried) % count;
      if (this.#isNamed(bytes, at + 1, this.#texts[member]!)) return member;
    }
    return -1;
  }

  #isNamed(bytes: Buffer, at: number, name: Buffer): boolean {
    for (let i = 0; i < name.length; i += 1) if (bytes[at + i] !== name[i]) return false;
    if (bytes[at + name.length] !== QUOTE) return false;
    this.#end = at + name.length + 1;
    return true;
  }

  #readValue(bytes: Buffer, at: number): number | string | boolean | undefined {
    const first = bytes[at]!;
    if (first !== QUOTE) return first > NINE ? this.#readBoolean(bytes, at) : this.#readNumber(bytes, at);
    const text = this.#readText(bytes, at + 1, QUOTE);
    this.#end += 1;
    return text;
  }

  #readCell(
    bytes: Buffer,
    at: number,
    type: ScannedColumn['type'],
    isQuoted: boolean,
  ): number | string | boolean | undefined {
    const first = bytes[at];
    if (type === 'json') return undefined;
    if (type === 'text') return this.#readText(bytes, at, isQuoted ? QUOTE : COMMA);
    if (first === COMMA || first === RETURN || first === LINE_FEED || (isQuoted && first === QUOTE)) {
      this.#end = at;
      return '';
    }
    return type === 'number' ? this.#readNumber(bytes, at) : this.#readBoolean(bytes, at);
  }

  /** Reads a number as JSON writes it. */
  #readNumber(bytes: Buffer, at: number): number | undefined {
    const isNegative = bytes[at] === MINUS;
    const start = isNegative ? at + 1 : at;
    let next = start;
    let value = 0;
    for (; isDigit(bytes[next]); next += 1) value = value * 10 + bytes[next]! - ZERO;
    const whole = next - start;
    if (whole === 0 || (whole > 1 && bytes[start] === ZERO)) return undefined;
    let decimals = 0;
    if (bytes[next] === POINT) {
      for (next += 1; isDigit(bytes[next]); next += 1) {
        value = value * 10 + bytes[next]! - ZERO;
        decimals += 1;
      }
      if (decimals === 0) return undefined;
    }
    // 'e' or 'E': an exponent.
    if (whole + decimals > MOST_DIGITS || (bytes[next]! | 32) === 101) return undefined;
    this.#end = next;
    if (decimals > 0) value /= POWERS[decimals]!;
    return isNegative ? -value : value;
  }

  #readBoolean(bytes: Buffer, at: number): boolean | undefined {
    const value = bytes[at] === TRUE[0];
    const word = value ? TRUE : FALSE;
    for (let i = 0; i < word.length; i += 1) if (bytes[at + i] !== word[i]) return undefined;
    this.#end = at + word.length;
    return value;
  }

  /** Reads up to `end`, or, where that is a comma, the end of the line. */
  #readText(bytes: Buffer, at: number, end: number): string | undefined {
    let next = at;
    for (; bytes[next] !== end; next += 1) {
      const byte = bytes[next];
      if (byte === undefined || byte < SPACE || byte > 126 || byte === QUOTE || byte === BACKSLASH) {
        if (end === COMMA && (byte === LINE_FEED || byte === RETURN)) break;
        return undefined;
      }
    }
    this.#end = next;
    return bytes.toString('latin1', at, next);
  }
}

const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

const isDigit = (byte: number | undefined): boolean => byte! >= ZERO && byte! <= NINE;

function endOfSpaces(bytes: Buffer, at: number): number {
  let next = at;
  while (bytes[next] === SPACE || bytes[next] === TAB) next += 1;
  return next;
}

/** `at` where a line, or the last one of all, ends there, else -1. */
const endOfLine = (bytes: Buffer, at: number): number =>
  bytes[at] === LINE_FEED || at === bytes.length ? at : -1;
