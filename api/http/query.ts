import type { BrokenRule } from '../../shared/contract/problem.js';
import { messageOf } from '../../shared/errors.js';
import { validationFailed } from './problem.js';

/** Makes a value of a parameter's text, or of all its texts when it may be given several times. Throws for a bad text. */
type Reader<T> = ((text: string) => T) | { all: (texts: readonly string[]) => T };

/** The parameters of a query: name to reader. */
type Readers<T> = { [Name in keyof T]: Reader<T[Name]> };

/** Reads a query whose every parameter is optional. Throws a 422 problem that names every parameter at fault. */
export function readQuery<T extends object>(query: URLSearchParams, readers: Readers<T>): Partial<T> {
  const errors: BrokenRule[] = [];
  const found: Partial<T> = {};
  for (const name of new Set(query.keys())) {
    if (!isReader(readers, name)) {
      errors.push({ parameter: name.slice(0, 100), detail: 'is not a known parameter' });
      continue;
    }
    try {
      found[name] = readParameter(readers[name], query.getAll(name));
    } catch (error) {
      errors.push({ parameter: name, detail: messageOf(error) });
    }
  }
  if (errors.length > 0) throw validationFailed(errors);
  return found;
}

function readParameter<T>(reader: Reader<T>, texts: readonly string[]): T {
  if (typeof reader === 'object') return reader.all(texts);
  const [text = '', ...others] = texts;
  if (others.length > 0) throw new Error('must be given once');
  return reader(text);
}

const isReader = <T extends object>(readers: Readers<T>, name: PropertyKey): name is keyof T =>
  Object.hasOwn(readers, name);

/** `true` or `false`. */
export function readFlag(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new Error('must be true or false');
}

/** A whole number within bounds, both included. */
export const readWhole =
  (min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,16}$/.test(text) && value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };

/** Text of 1 to `most` characters. */
export const readText =
  (most: number) =>
  (text: string): string => {
    if (text !== '' && Array.from(text).length <= most) return text;
    throw new Error(`must have 1 to ${most} characters`);
  };
