import { constants, openSync, realpathSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { messageOf, ModelPackageError } from '../errors.js';

/** A file of a model package that is open for reading; whoever opened it closes it. */
export interface PackageFile {
  fd: number;
  bytes: number;
}

/**
 * Opens a file of a package's own folder. Throws {@link ModelPackageError} for what is no plain name, no regular file, a link
 * that leads out of the folder, or larger than `limitBytes`; `what` begins the problem. Never waits, as opening a FIFO would.
 */
export function openPackageFile(folder: string, name: string, limitBytes: number, what = ''): PackageFile {
  const path = join(folder, name);
  if (['', '.', '..'].includes(name) || /[/\\\0]/.test(name)) {
    throw new ModelPackageError(folder, [
      `${what}"${name.slice(0, 100)}" is no plain file name: a package names files of its own folder only`,
    ]);
  }
  try {
    const real = realpathSync(path);
    if (!real.startsWith(realpathSync(folder) + sep)) {
      throw new Error('it is a link out of the folder of the package: put the file itself there');
    }
    const stats = statSync(real);
    if (!stats.isFile()) throw new Error(`it is ${kindOf(stats)}, not a regular file`);
    if (stats.size > limitBytes) {
      throw new Error(`it has ${stats.size} bytes, and ${limitBytes} are the most that is read`);
    }
    // Should it have become a FIFO meanwhile, this still returns at once.
    return { fd: openSync(real, constants.O_RDONLY | constants.O_NONBLOCK), bytes: stats.size };
  } catch (cause) {
    throw new ModelPackageError(path, [what + messageOf(cause)]);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  return stats.isFIFO() ? 'a FIFO' : 'a device or socket';
}
