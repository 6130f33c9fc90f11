import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A pipe into which nobody ever writes. Its write end is held by every process that needs Redis; the guard of
 * Redis reads it, and the end of file tells it that the last of them is gone, however it ended.
 */
export interface Lifeline {
  /** File descriptor for a guard. */
  readEnd: number;
  /** File descriptor to hand to a child. */
  writeEnd: number;
  /** Lets go of the write end. */
  release(): void;
  /** Closes both ends. */
  close(): void;
}

/** Opens a lifeline by way of a named pipe in `folder`, since Node cannot make an unnamed one to share. */
export function openLifeline(folder: string): Lifeline {
  const path = join(folder, 'lifeline');
  execFileSync('mkfifo', ['-m', '600', path]);
  // Opening one end of a named pipe blocks until the other is open, except for a reader that asks not to.
  const opener = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const writeEnd = openSync(path, 'w');
  const readEnd = openSync(path, 'r');
  closeSync(opener);
  rmSync(path);
  let isHeld = true;
  const release = (): void => {
    if (isHeld) closeSync(writeEnd);
    isHeld = false;
  };
  return {
    readEnd,
    writeEnd,
    release,
    close() {
      release();
      closeSync(readEnd);
    },
  };
}
