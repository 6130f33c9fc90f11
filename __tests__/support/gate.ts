import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where a `hold` row of the `faulty` model waits; there is one gate a worker process. */
export interface Gate {
  /** Whether a row waits, or has waited, at it. */
  isHeld: () => boolean;
  open: () => void;
  /** As if nothing had ever been there. */
  remove: () => void;
}

/** The gate of the worker process with this id. */
export function gateOf(pid: number): Gate {
  const file = join(tmpdir(), `waggle-gate-${pid}`);
  const held = `${file}.held`;
  return {
    isHeld: () => existsSync(held),
    open: () => writeFileSync(file, ''),
    remove() {
      for (const name of [file, held]) rmSync(name, { force: true });
    },
  };
}
