/**
 * Stand-ins in generated requests for what only answers can tell: the same seed makes the same requests, whatever ids
 * the service gives out. A number behind the name chooses one of those that are known by then.
 */
export const KNOWN = { etag: '<etag:0>', cursor: '<cursor:0>' } as const;

/** A stand-in of a kind. */
export const standIn = (kind: string, which: number): string => `<${kind}:${which}>`;

/** Where a stand-in leads as long as nothing of its kind is known. */
const UNKNOWN = '019ac1f2-7c1e-7d63-9a55-0f6c1b1d2e3f';
/** Older ones are forgotten, so that the newest are met often. */
const MOST = 40;

/** What the answers so far have told, by kind. */
export class Knowledge {
  readonly #found = new Map<string, string[]>();

  /** Keeps a value, unless it is known already. */
  add(kind: string, value: string): void {
    const values = this.#found.get(kind) ?? [];
    if (!values.includes(value)) this.#found.set(kind, [value, ...values].slice(0, MOST));
  }

  /** A text with every stand-in replaced. */
  fill(text: string): string {
    return text.replaceAll(/<([a-z]+):(\d+)>/g, (_all, kind: string, which: string) => {
      const values = this.#found.get(kind) ?? [];
      return values[Number(which) % Math.max(1, values.length)] ?? UNKNOWN;
    });
  }

  /** Learns from the JSON body and the headers of an answer. */
  learn(body: unknown, headers: Readonly<Record<string, string>>): void {
    if (headers['etag'] !== undefined) this.add('etag', headers['etag']);
    this.#learnFrom(body);
    if (!isRecord(body)) return;
    if (typeof body['next_cursor'] === 'string') this.add('cursor', body['next_cursor']);
    for (const list of [body['jobs'], body['batches'], body['models']]) {
      if (Array.isArray(list)) for (const entry of list.slice(0, 3)) this.#learnFrom(entry);
    }
  }

  /** What has a link to itself can be asked for: `/jobs/x` makes x one of the jobs. */
  #learnFrom(entry: unknown): void {
    const links = isRecord(entry) ? entry['links'] : undefined;
    const self = isRecord(links) ? links['self'] : isRecord(entry) ? entry['type'] : undefined;
    const [, kind, name] = /^\/([a-z]+)\/([^/]+)$/.exec(String(self)) ?? [];
    if (kind !== undefined && name !== undefined) this.add(kind, name);
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;
