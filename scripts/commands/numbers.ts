import { InvalidArgumentError } from 'commander';

/** Parses an option's whole number. Throws commander's error, which names the option, with the rule. */
export const whole = (min: number, max?: number) => numberOf('a whole number', /^\d+$/, { min, max });

/** The same for a number that may have a fraction. */
export const decimal = (min: number, max: number) => numberOf('a number', /^\d+(\.\d+)?$/, { min, max });

const numberOf =
  (kind: string, pattern: RegExp, { min, max }: { min: number; max: number | undefined }) =>
  (text: string): number => {
    const value = Number(text);
    if (pattern.test(text) && value >= min && value <= (max ?? Number.MAX_SAFE_INTEGER)) return value;
    throw new InvalidArgumentError(
      `It must be ${kind} from ${min} ${max === undefined ? 'up' : `to ${max}`}.`,
    );
  };
