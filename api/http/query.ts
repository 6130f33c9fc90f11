import { type BrokenRule, validationFailed } from './problem.js';

/** What a query may say, each at most once: name to a reader that throws what is wrong with the text. */
type Readers<T> = { [Name in keyof T]: (text: string) => T[Name] };

/** Reads a query whose every parameter is optional. Throws a 422 problem that names every parameter at fault. */
export function readQuery<T extends object>(query: URLSearchParams, readers: Readers<T>): Partial<T> {
  const errors: BrokenRule[] = [];
  const found: Partial<T> = {};
  for (const name of new Set(query.keys())) {
    if (!isReader(readers, name)) {
      errors.push({ parameter: name.slice(0, 100), detail: 'is not a known parameter' });
      continue;
    }
    const values = query.getAll(name);
    try {
      if (values.length > 1) throw new Error('must be given once');
      found[name] = readers[name](values[0] ?? '');
    } catch (error) {
      errors.push({ parameter: name, detail: error instanceof Error ? error.message : 'is wrong' });
    }
  }
  if (errors.length > 0) throw validationFailed(errors);
  return found;
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
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };

/** Text of 1 to `most` characters. */
export const readText =
  (most: number) =>
  (text: string): string => {
    if (text.length >= 1 && text.length <= most) return text;
    throw new Error(`must have 1 to ${most} characters`);
  };
