import { ConfigError, messageOf } from '../errors.js';

/** A process environment, as `process.env` gives it. An empty value counts as unset. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Bounds of a whole number, both included. */
export interface IntRange {
  min?: number;
  max?: number;
}

/** Reads typed values by variable name; collects the problem of every bad variable instead of stopping at the first. */
export class EnvReader {
  readonly problems: string[] = [];

  constructor(private readonly env: Env) {}

  /** The text, or the fallback when unset. */
  text(name: string, fallback: string): string {
    return this.optional(name) ?? fallback;
  }

  /** The text, or undefined when unset. */
  optional(name: string): string | undefined {
    const value = this.env[name];
    return value === undefined || value === '' ? undefined : value;
  }

  /** A whole number within the range. */
  int(name: string, fallback: number, { min = 0, max = Number.MAX_SAFE_INTEGER }: IntRange = {}): number {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (/^[+-]?\d+$/.test(text) && value >= min && value <= max) return value;
    this.problems.push(`${name} must be a whole number from ${min} to ${max}, not "${text}"`);
    return fallback;
  }

  /** One of the listed words. */
  choice<const T extends string>(name: string, choices: readonly T[], fallback: NoInfer<T>): T {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    const found = choices.find((choice) => choice === text);
    if (found !== undefined) return found;
    this.problems.push(`${name} must be one of ${choices.join(', ')}, not "${text}"`);
    return fallback;
  }

  /** A value of any type; the message of an error that `parse` throws becomes the problem. `parse` gets the fallback when unset. */
  parsed<T>(name: string, fallback: string, parse: (text: string) => T): T {
    try {
      return parse(this.optional(name) ?? fallback);
    } catch (cause) {
      this.problems.push(`${name} ${messageOf(cause)}`);
      return parse(fallback);
    }
  }
}

/** Builds a frozen configuration. Throws one {@link ConfigError} that names every bad variable. */
export function readEnv<T extends object>(env: Env, build: (read: EnvReader) => T): Readonly<T> {
  const reader = new EnvReader(env);
  const config = build(reader);
  if (reader.problems.length > 0) throw new ConfigError(reader.problems);
  return deepFreeze(config);
}

function deepFreeze<T extends object>(value: T): Readonly<T> {
  // Bytes cannot be frozen.
  if (ArrayBuffer.isView(value)) return value;
  for (const member of Object.values(value)) {
    if (typeof member === 'object' && member !== null && !Object.isFrozen(member)) deepFreeze(member);
  }
  return Object.freeze(value);
}
