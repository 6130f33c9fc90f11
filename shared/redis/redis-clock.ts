/** How long a measured difference is preferred to one of a slower answer, in ms. */
const CLOCK_KEPT_MS = 60_000;

/** Tells the time by Redis's clock. The difference to this process' clock is measured with each ping and each connection. */
export class RedisClock {
  #differenceMs = 0;
  #answeredInMs = Number.POSITIVE_INFINITY;
  #measuredMs = Number.NEGATIVE_INFINITY;

  nowMs(): number {
    return performance.timeOrigin + performance.now() + this.#differenceMs;
  }

  /** The error is half the time that the answer took at most, so that a quick answer counts more. */
  async measure(client: { sendCommand<T>(words: string[]): Promise<T> }): Promise<void> {
    const sentMs = performance.now();
    const [seconds, microseconds] = await client.sendCommand<string[]>(['TIME']);
    const receivedMs = performance.now();
    const answeredInMs = receivedMs - sentMs;
    if (answeredInMs > 2 * this.#answeredInMs && receivedMs - this.#measuredMs < CLOCK_KEPT_MS) return;
    const theirsMs = Number(seconds) * 1000 + Number(microseconds) / 1000;
    this.#differenceMs = theirsMs - (performance.timeOrigin + (sentMs + receivedMs) / 2);
    this.#answeredInMs = answeredInMs;
    this.#measuredMs = receivedMs;
  }
}
