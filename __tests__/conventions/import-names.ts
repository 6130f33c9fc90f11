/**
 * What the text of a module imports, statically or not, or looks for among the packages; as it is named there. Compiled, an
 * `import x = require()` is a call of `__require`; TensorFlow.js is loaded by a `load` of its own.
 */
export function importNames(text: string): string[] {
  const found = text.matchAll(
    /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\b(?:__)?require\(\s*|\bload\(\s*|\bresolve\(\s*)['"]([@a-z.][^'"]*)['"]/g,
  );
  return [...found].map(([, name = '']) => name);
}
