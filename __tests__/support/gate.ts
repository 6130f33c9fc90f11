import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a `hold` row of the `faulty` model waits; there is one gate a worker process. */
export interface Gate {
  /** Whether a row waits, or has waited, at it. */
  isHeld: () => boolean;
  open: () => void;
  /** Lets no inference process of the worker come to serve that starts from now on, until {@link remove}. */
  stall: () => void;
  /** As if nothing had ever been there. */
  remove: () => void;
}

/** The gate of the worker process with this id. */
export function gateOf(pid: number): Gate {
  const file = join(tmpdir(), `waggle-gate-${pid}`);
  const held = `${file}.held`;
  const stalled = `${file}.stalled`;
  return {
    isHeld: () => existsSync(held),
    open: () => writeFileSync(file, ''),
    stall: () => writeFileSync(stalled, ''),
    remove() {
      for (const name of [file, held, stalled]) rmSync(name, { force: true });
    },
  };
}
