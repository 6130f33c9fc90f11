import { wheel } from '../../shared/process/timer-wheel.js';

/** A wait that ends after its time, or before it when it is told to; one at a time. */
export class Sleep {
  #end: (() => void) | undefined;

  /** Resolves after `ms`, or with {@link end}. */
  start(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const late = wheel.set(ms, () => this.end());
      this.#end = () => {
        late.cancel();
        this.#end = undefined;
        resolve();
      };
    });
  }

  /** Ends the wait; false where there is none. */
  end(): boolean {
    const end = this.#end;
    end?.();
    return end !== undefined;
  }
}
