type Env = Readonly<Record<string, string | undefined>>;

/**
 * Replaces `${NAME}`, `${NAME:-other}`, `${NAME:+other}` and `${NAME:?message}` in every text of a YAML document, nested
 * ones included, as Compose does. Throws the message of a required variable that is unset or empty.
 */
export function interpolate(value: unknown, env: Env): unknown {
  if (typeof value === 'string') return interpolateText(value, env);
  if (Array.isArray(value)) return value.map((item) => interpolate(item, env));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, interpolate(item, env)]));
}

function interpolateText(text: string, env: Env): string {
  const start = text.indexOf('${');
  if (start < 0) return text;
  const end = closingBrace(text, start + 2);
  const [, name = '', operator, other = ''] =
    /^(\w+)(?::([-+?])(.*))?$/s.exec(text.slice(start + 2, end)) ?? [];
  if (name === '') throw new Error(`cannot read ${text}`);
  return (
    text.slice(0, start) + substitute(name, operator, other, env) + interpolateText(text.slice(end + 1), env)
  );
}

function substitute(name: string, operator: string | undefined, other: string, env: Env): string {
  const value = env[name] ?? '';
  if (operator === '+') return value === '' ? '' : interpolateText(other, env);
  if (value !== '') return value;
  if (operator === '?') throw new Error(other);
  return operator === '-' ? interpolateText(other, env) : '';
}

function closingBrace(text: string, from: number): number {
  for (let at = from, depth = 1; at < text.length; at += 1) {
    if (text.startsWith('${', at)) depth += 1;
    if (text[at] === '}') depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error(`a brace is open in ${text}`);
}
