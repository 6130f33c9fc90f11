import { byId, setText } from './dom.js';
import { formatSeconds } from './format.js';
import type { Connection } from './live-stats.js';

/** Figures older than this are called old, in ms. */
const FRESH_MS = 3_500;

const WORDS: Readonly<Record<Connection, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  'redis-away': 'Redis is away',
  unreachable: 'API unreachable',
  'key-needed': 'API key needed',
};

/** The line in the head of the page that says how far its figures can be trusted. */
export class ConnectionLine {
  readonly #line = byId('connection', HTMLButtonElement);
  readonly #word = byId('connection-word', HTMLSpanElement);
  readonly #age = byId('connection-age', HTMLSpanElement);
  readonly #announcement = byId('announcement', HTMLParagraphElement);
  #connection: Connection = 'connecting';
  #updatedMs: number | undefined;

  constructor(onKeyWanted: () => void) {
    this.#line.addEventListener('click', () => {
      if (this.#connection === 'key-needed') onKeyWanted();
    });
    setInterval(() => this.#show(), 1_000);
  }

  set(connection: Connection): void {
    if (connection === this.#connection) return;
    // Said aloud once for each change; the first connection is no news.
    if (this.#connection !== 'connecting') setText(this.#announcement, `${WORDS[connection]}.`);
    this.#connection = connection;
    this.#show();
  }

  /** Figures have come. */
  updated(): void {
    this.#updatedMs = performance.now();
    this.#show();
  }

  #show(): void {
    const ageMs = this.#updatedMs === undefined ? undefined : performance.now() - this.#updatedMs;
    const isStale = this.#connection === 'live' && (ageMs ?? 0) > FRESH_MS;
    const state = isStale ? 'stale' : this.#connection;
    this.#line.dataset['state'] = state;
    document.documentElement.classList.toggle('is-stale', state !== 'live' && state !== 'connecting');
    setText(this.#word, isStale ? 'Not up to date' : WORDS[this.#connection]);
    this.#line.disabled = this.#connection !== 'key-needed';
    const isOld = ageMs !== undefined && ageMs > FRESH_MS;
    setText(this.#age, isOld ? `last update ${formatSeconds(ageMs)} ago` : '');
  }
}
