/**
 * Reads a .dockerignore: the last pattern that fits a path, or a folder above it, decides. Knows `*`, `**` and `!`.
 * A folder that is left out holds again what a later pattern lets through.
 */
export function ignoring(text: string): (path: string) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isKept = line.startsWith('!');
      const pattern = line.replace(/^!/, '').replace(/\/$/, '');
      return { isKept, fits: toRegExp(pattern) };
    });
  return (path) => {
    if (path === '') return true;
    const above = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    const last = rules.findLast(({ fits }) => above.some((part) => fits.test(part)));
    return last?.isKept ?? true;
  };
}

const toRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`)
      .replaceAll(/(\*\*\/?)|\*/g, (_, deep?: string) => (deep ? '(?:.*/)?' : '[^/]*'))}$`,
  );
