import { byId, say } from './dom.js';

const STORED_AS = 'waggle-key';

/** The API key of this tab: asked for when the service wants one, gone with the tab. */
export class ApiKey {
  readonly #dialog = byId('key-dialog', HTMLDialogElement);
  readonly #input = byId('key-input', HTMLInputElement);
  readonly #error = byId('key-error', HTMLParagraphElement);
  readonly #forget = byId('key-forget', HTMLButtonElement);
  #asking: Promise<boolean> | undefined;
  #isDeclined = false;

  constructor() {
    this.#forget.addEventListener('click', () => {
      sessionStorage.removeItem(STORED_AS);
      location.reload();
    });
    this.#show();
  }

  get value(): string | undefined {
    return sessionStorage.getItem(STORED_AS) ?? undefined;
  }

  /** Asks for a key, once for all calls that want one. Resolves `false` when there is none, now or before. */
  ask(refused: string | undefined): Promise<boolean> {
    // Another call has been answered meanwhile.
    if (this.value !== refused) return Promise.resolve(true);
    if (this.#isDeclined) return Promise.resolve(false);
    this.#asking ??= this.#prompt(refused !== undefined).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Lets the next refused call ask again. */
  reconsider(): void {
    this.#isDeclined = false;
  }

  async #prompt(wasRefused: boolean): Promise<boolean> {
    say(this.#error, wasRefused ? 'This key was not accepted.' : '');
    this.#input.value = '';
    this.#dialog.returnValue = '';
    this.#dialog.showModal();
    await new Promise((closed) => this.#dialog.addEventListener('close', closed, { once: true }));
    const key = this.#input.value.trim();
    this.#input.value = '';
    if (this.#dialog.returnValue !== 'use' || key === '') {
      this.#isDeclined = true;
      return false;
    }
    sessionStorage.setItem(STORED_AS, key);
    this.#show();
    return true;
  }

  #show(): void {
    this.#forget.hidden = this.value === undefined;
  }
}

/** `fetch` that sends the key, and asks for one when the service answers 401. */
export function fetchWith(apiKey: ApiKey): typeof fetch {
  return async (input, init) => {
    for (;;) {
      const key = apiKey.value;
      const headers = new Headers(init?.headers);
      if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
      const response = await fetch(input, { ...init, headers });
      if (response.status !== 401 || !(await apiKey.ask(key))) return response;
    }
  };
}
