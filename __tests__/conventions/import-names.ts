/** What the text of a module imports, statically or not, or looks for among the packages; as it is named there. */
export function importNames(text: string): string[] {
  const found = text.matchAll(
    /(?:\bfrom\s+|\bimport\s+|\bimport\(\s*|\brequire\(\s*|\bresolve\(\s*)['"]([@a-z.][^'"]*)['"]/g,
  );
  return [...found].map(([, name = '']) => name);
}
