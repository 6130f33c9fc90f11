/** The preferences of a request (RFC 7240) that this service knows. Others are ignored. */
export interface Preferences {
  /** Seconds that the client would wait for the answer, at most {@link MAX_WAIT_SECONDS}. */
  waitSeconds: number | undefined;
  respondAsync: boolean;
}

/** Longer waits are cut to this: proxies between client and service rarely allow more. */
export const MAX_WAIT_SECONDS = 60;

const NONE: Preferences = { waitSeconds: undefined, respondAsync: false };
const PREFERENCE = /^([!#$%&'*+.^_`|~\w-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?$/;

/**
 * Parses the value of all `Prefer` lines, joined by commas. Names are compared without case, the first of a name
 * counts, and a malformed one is left out: preferences are never a reason to refuse a request.
 */
export function parsePrefer(header: string | undefined): Preferences {
  if (header === undefined) return NONE;
  const seen = new Map<string, string>();
  for (const element of splitOutsideQuotes(header, ',')) {
    const [preference = ''] = splitOutsideQuotes(element, ';');
    const match = PREFERENCE.exec(preference.trim());
    const name = match?.[1]?.toLowerCase();
    if (name === undefined || seen.has(name)) continue;
    seen.set(name, match?.[2]?.replaceAll(/\\(.)/g, '$1') ?? match?.[3] ?? '');
  }
  return { waitSeconds: secondsOf(seen.get('wait')), respondAsync: seen.get('respond-async') === '' };
}

/** The `Preference-Applied` value of the honoured preferences; undefined when there are none. */
export function preferenceApplied({ waitSeconds, respondAsync }: Partial<Preferences>): string | undefined {
  const applied = [
    ...(respondAsync ? ['respond-async'] : []),
    ...(waitSeconds === undefined ? [] : [`wait=${waitSeconds}`]),
  ];
  return applied.length > 0 ? applied.join(', ') : undefined;
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), MAX_WAIT_SECONDS) : undefined;
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    if (quoted && text[i] === '\\') i += 1;
    else if (text[i] === '"') quoted = !quoted;
    else if (!quoted && text[i] === separator) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
