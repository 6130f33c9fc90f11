import { WaggleClient } from '../../shared/client/client.js';
import { ProblemError, UnreachableError } from '../../shared/client/errors.js';
import { type ApiRequest, type Endpoint, open, send } from '../../shared/client/http.js';
import { isRecord } from '../../shared/text/is-record.js';
import type { StatsBody } from '../../shared/contract/stats.js';
import { type ApiKey, fetchWith } from './api-key.js';

/** The subject of a part of the page: everything, or one model. */
export interface StatsQuery {
  minutes: number;
  /** Undefined: all models together. */
  model: string | undefined;
}

/** The service, as this page calls it. All calls throw what {@link WaggleClient} throws. */
export class DashboardApi {
  readonly client: WaggleClient;
  readonly #endpoint: Endpoint;

  constructor(readonly key: ApiKey) {
    this.#endpoint = { url: location.origin, fetch: fetchWith(key) };
    this.client = new WaggleClient(this.#endpoint);
  }

  async stats({ minutes, model }: StatsQuery, signal: AbortSignal): Promise<StatsBody> {
    const query = { minutes, model };
    return (await send(this.#endpoint, { path: '/stats', query, signal, accept: isStats })).body;
  }

  /** Opens a stream, of events unless `headers` accept something else; its body is left to be read. */
  stream(request: Pick<ApiRequest, 'path' | 'headers' | 'signal'>): Promise<Response> {
    return open(this.#endpoint, {
      ...request,
      headers: { accept: 'text/event-stream', ...request.headers },
    });
  }
}

/** Whether an answer is figures, as far as this page relies on it. */
export const isStats = (value: unknown): value is StatsBody =>
  isRecord(value) &&
  typeof value['at'] === 'string' &&
  Array.isArray(value['models']) &&
  Array.isArray(value['workers']) &&
  isRecord(value['history']);

/** The error as a sentence for people. */
export function explain(error: unknown): string {
  if (error instanceof UnreachableError) return 'The API cannot be reached.';
  if (!(error instanceof ProblemError)) return error instanceof Error ? error.message : String(error);
  const { status, title, detail, errors } = error.problem;
  if (status === 401) return 'An API key is needed.';
  const fields = errors.map(({ pointer, detail: what }) => `${pointer.replace(/^#\/?/, '')} ${what}`);
  return [sentence(title), ...[detail, ...fields].flatMap((text) => (text ? [sentence(text)] : []))].join(
    ' ',
  );
}

const sentence = (text: string): string =>
  `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
