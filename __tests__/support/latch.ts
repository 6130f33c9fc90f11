/** A gate that opens once: tests wait for events with it instead of sleeping. */
export interface Latch<T = void> {
  opened: Promise<T>;
  open(value: T): void;
}

/** A closed latch. */
export function createLatch<T = void>(): Latch<T> {
  let open: (value: T) => void = () => undefined;
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * Asks `probe` until it gives something truthy; rejects past `timeoutMs`. Pauses between two questions grow from `everyMs`
 * with the time waited, because a probe takes time from the work that it waits for.
 */
export async function until<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 30_000, what = 'the condition', everyMs = 5 } = {},
): Promise<T> {
  const startMs = Date.now();
  for (;;) {
    const value = await probe();
    if (value) return value;
    const waitedMs = Date.now() - startMs;
    if (waitedMs > timeoutMs) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    const pauseMs = Math.max(everyMs, Math.min(everyMs + waitedMs / 10, LONGEST_PAUSE_MS));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const LONGEST_PAUSE_MS = 50;
