import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every file and link below a folder, by its path from there. */
export const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesBelow(join(folder, entry.name)).map((file) => join(entry.name, file))
      : [entry.name],
  );

/** What the files of a folder take together, in bytes. */
export const sizeOf = (folder: string): number =>
  filesBelow(folder).reduce((bytes, file) => bytes + lstatSync(join(folder, file)).size, 0);

/** Names of the packages in `node_modules`, nested ones included, ours left out. */
export const packagesIn = (folder: string): string[] => [
  ...new Set(
    filesBelow(join(folder, 'node_modules'))
      .map((file) => /(?:^|.*node_modules\/)((?:@[^/]+\/)?[^/@.][^/]*)\/package\.json$/.exec(file)?.[1] ?? '')
      .filter((name) => name !== ''),
  ),
];
