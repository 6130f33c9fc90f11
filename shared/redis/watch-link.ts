/** Default time between two pings of a link, in ms. */
export const PING_EVERY_MS = 2_000;
/** A link counts as dead after the time of this many pings without an answer. */
export const DEAD_AFTER_PINGS = 3;

/** The link that is watched, and the reaction to its death. */
export interface LinkWatch {
  pingEveryMs: number;
  /** Sends a ping; settles, either way, when the link is alive or known to be broken. Undefined while there is no link. */
  ping: () => Promise<unknown> | undefined;
  /** A ping has gone unanswered for {@link DEAD_AFTER_PINGS} times `pingEveryMs`. The watch goes on. */
  onDead: () => void;
}

/**
 * Notices that a link is dead, by pings. Counts turns of a timer, not time, so that a process that was held up itself
 * does not blame Redis. Call what it returns to end it.
 */
export function watchLink({ pingEveryMs, ping, onDead }: LinkWatch): () => void {
  let turns = 0;
  const answered = (): void => {
    turns = 0;
  };
  const look = (): void => {
    if (turns === 0) {
      const asked = ping();
      if (!asked) return;
      asked.then(answered, answered);
    }
    turns += 1;
    if (turns <= DEAD_AFTER_PINGS) return;
    turns = 0;
    onDead();
  };
  const timer = setInterval(look, pingEveryMs);
  return () => clearInterval(timer);
}
