import { basename } from 'node:path';

/** Files by their own names, for texts that travel to other machines. */
export const baseNames = (files: readonly string[]): string[] => files.map((file) => basename(file));
