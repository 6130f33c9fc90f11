/** A turn that was taken. It must {@link end}. */
export interface Turn {
  /** Gives the turn back. */
  end: () => void;
  /**
   * Lets the other user of predictions go first where it has had less time. Resolves once it is the holder's turn again; the
   * model is the same by then.
   */
  share: () => Promise<void>;
  /** Whether the turn is held and nobody else waits for one. */
  isUncontested: () => boolean;
  /** Counts the time so far and goes on, even if somebody waits by now. */
  renew: () => void;
}

/** Users of an inference process, the first of those that are equal goes first. */
const USERS = ['swap', 'jobs', 'chunks'] as const;
/** A user of an inference process: the swap to another version, micro-batches of jobs, or chunks of batches. */
type User = (typeof USERS)[number];

/**
 * The most that a turn counts, in ms: after a run that hung for a minute, or a process that took long to start, the other
 * users do not have the model to themselves for as long.
 */
export const LONGEST_TURN_MS = 1_000;

/**
 * The right to use an inference process, one holder at a time. Users share its time (start-time fair queueing): the virtual
 * time of a user moves on by the time that its turn took, and of those that wait the user with the least goes next, in its
 * own order. So short micro-batches get as much of the model as long chunks. A user that was idle goes on from the virtual
 * time of the last turn, so it saves nothing up. A swap takes no time, so it waits for one turn at most.
 */
export class Turns {
  readonly #waiting: Record<User, (() => void)[]> = { swap: [], jobs: [], chunks: [] };
  /** Virtual time at which the next turn of each user starts, in ms. */
  readonly #startsAt: Record<User, number> = { swap: 0, jobs: 0, chunks: 0 };
  /** Virtual time at which the last turn started, in ms. */
  #virtualMs = 0;
  #isTaken = false;
  /** Somebody shares a turn that has not ended: there is no swap before that. */
  #isShared = false;

  /** @param nowMs a clock that never goes back */
  constructor(private readonly nowMs = () => performance.now()) {}

  /** Resolves when it is the caller's turn. */
  take(user: User): Promise<Turn> {
    return new Promise((resolve) => {
      const waiting = this.#waiting[user];
      if (waiting.length === 0) this.#startsAt[user] = Math.max(this.#startsAt[user], this.#virtualMs);
      waiting.push(() => resolve(this.#startTurn(user)));
      this.#chooseNext();
    });
  }

  #startTurn(user: User): Turn {
    let startMs = this.nowMs();
    let isHeld = true;
    let isShared = false;
    const count = (): void => {
      const nowMs = this.nowMs();
      this.#startsAt[user] += Math.min(nowMs - startMs, LONGEST_TURN_MS);
      startMs = nowMs;
    };
    const giveBack = (): void => {
      isHeld = false;
      this.#isTaken = false;
      count();
      this.#chooseNext();
    };
    return {
      end: () => {
        if (!isHeld) return;
        if (isShared) this.#isShared = false;
        giveBack();
      },
      share: () => {
        isShared = true;
        this.#isShared = true;
        return new Promise((resolve) => {
          this.#waiting[user].unshift(() => {
            startMs = this.nowMs();
            isHeld = true;
            resolve();
          });
          giveBack();
        });
      },
      isUncontested: () => isHeld && USERS.every((name) => this.#waiting[name].length === 0),
      renew: () => {
        count();
        this.#virtualMs = this.#startsAt[user];
      },
    };
  }

  /** Chooses after everything that runs now, since a user that ends its turn may ask for the next one in the same breath. */
  #chooseNext(): void {
    queueMicrotask(() => {
      if (!this.#isTaken) this.#next();
    });
  }

  #next(): void {
    const waiting = USERS.filter(
      (name) => this.#waiting[name].length > 0 && !(this.#isShared && name === 'swap'),
    );
    const least = Math.min(...waiting.map((name) => this.#startsAt[name]));
    const user = waiting.find((name) => this.#startsAt[name] === least);
    if (user === undefined) return;
    this.#isTaken = true;
    this.#virtualMs = least;
    this.#waiting[user].shift()?.();
  }
}
