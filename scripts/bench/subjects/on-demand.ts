/** Something that is started when it is first wanted, and stopped if it ever was. */
export class OnDemand<T extends { stop(): Promise<void> }> {
  readonly #start: () => Promise<T>;
  #started: Promise<T> | undefined;

  constructor(start: () => Promise<T>) {
    this.#start = start;
  }

  get(): Promise<T> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /** The thing that was started; undefined where none was wanted, or its start failed. */
  started(): Promise<T | undefined> {
    return this.#started?.catch(() => undefined) ?? Promise.resolve(undefined);
  }

  async stop(): Promise<void> {
    await (await this.started())?.stop();
  }
}
