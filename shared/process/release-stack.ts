import { messageOf } from '../errors.js';

/** Takes the errors of closers. */
export interface ReleaseLog {
  error(message: string, fields: Record<string, unknown>): void;
}

/**
 * Closers in the order in which things were opened; {@link run} closes them last-in first-out. Whoever opens
 * something registers its closer in the same breath.
 */
export class ReleaseStack {
  readonly #steps: { name: string; close: () => unknown }[] = [];

  /** Registers a closer. */
  later(name: string, close: () => unknown): void {
    this.#steps.push({ name, close });
  }

  /** Closes everything once. A closer that fails is logged and does not keep the others from running. */
  async run(log: ReleaseLog): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.close();
      } catch (error) {
        log.error('closing failed', { step: step.name, error: messageOf(error) });
      }
    }
  }
}
