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
 * Asks again every few milliseconds until `probe` gives something truthy; rejects past `timeoutMs`. A probe that costs
 * much, such as a look at all processes, is asked less often: it takes time from what it waits for.
 */
export async function until<T>(
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 30_000, what = 'the condition', everyMs = 5 } = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
