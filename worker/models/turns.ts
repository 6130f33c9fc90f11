/** Gives the turn back. */
export type EndTurn = () => void;

/** Users of an inference process, in the order in which they alternate. */
const USERS = ['jobs', 'chunks', 'swap'] as const;
/** A user of an inference process: micro-batches of jobs, chunks of batches, or the swap to another version. */
type User = (typeof USERS)[number];

/**
 * The right to use an inference process, one holder at a time. Each user waits in its own order; when several wait they
 * alternate, so a user with much to do gets one turn between two of the others and no more.
 */
export class Turns {
  readonly #waiting: Record<User, ((end: EndTurn) => void)[]> = { jobs: [], chunks: [], swap: [] };
  #isTaken = false;
  #last: User = 'swap';

  /** Resolves when it is the caller's turn, with the function that ends the turn. */
  take(user: User): Promise<EndTurn> {
    return new Promise((resolve) => {
      this.#waiting[user].push(resolve);
      this.#next();
    });
  }

  #next(): void {
    if (this.#isTaken) return;
    const after = USERS.indexOf(this.#last) + 1;
    const order = [...USERS.slice(after), ...USERS.slice(0, after)];
    const user = order.find((name) => this.#waiting[name].length > 0);
    if (user === undefined) return;
    this.#isTaken = true;
    this.#last = user;
    let isEnded = false;
    this.#waiting[user].shift()?.(() => {
      if (isEnded) return;
      isEnded = true;
      this.#isTaken = false;
      this.#next();
    });
  }
}
