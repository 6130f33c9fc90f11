/**
 * Places of one process that its callers share. A caller who is told apart from others may hold as many as are free for
 * everybody: alone that is half of them, and a newcomer always finds some. Callers who are not told apart ('') may
 * hold all.
 */
export class Shares {
  readonly #held = new Map<string, number>();
  #taken = 0;

  constructor(readonly places: number) {}

  get taken(): number {
    return this.#taken;
  }

  /** Why an owner gets no further place: all are taken, or the owner's share is. Undefined when there is one. */
  refusal(owner: string): 'full' | 'share' | undefined {
    const free = this.places - this.#taken;
    if (free <= 0) return 'full';
    return owner !== '' && (this.#held.get(owner) ?? 0) >= free ? 'share' : undefined;
  }

  take(owner: string): void {
    this.#add(owner, 1);
  }

  giveBack(owner: string): void {
    this.#add(owner, -1);
  }

  #add(owner: string, by: number): void {
    this.#taken += by;
    const held = (this.#held.get(owner) ?? 0) + by;
    if (held === 0) this.#held.delete(owner);
    else this.#held.set(owner, held);
  }
}
