import { messageOf } from '../../../../shared/errors.js';

/**
 * Imports a package that an installation may lack. Trying is the only sure test: a package can lie there without the
 * native library that its installation should have fetched. Taking the name as a value also lets the build do without
 * the package's types. Throws an error that says in one line why.
 */
export async function importOptional(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (cause) {
    const line = messageOf(cause).split('\n', 1)[0] ?? '';
    const isMissing = line.startsWith(`Cannot find package '${name}'`);
    throw new Error(`${name} ${isMissing ? 'is not installed' : `does not load (${line})`}`, { cause });
  }
}
