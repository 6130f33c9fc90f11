/**
 * Reads a .dockerignore: the last pattern that fits a path, or a folder above it, decides. Knows `*`, `**` and `!`.
 * A folder that is left out is looked into all the same where a pattern lets something in it through.
 */
export function ignoring(text: string): (path: string, isFolder?: boolean) => boolean {
  const rules = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isKept = line.startsWith('!');
      const pattern = line.replace(/^!/, '').replace(/\/$/, '');
      return { isKept, pattern, fits: toRegExp(pattern) };
    });
  return (path, isFolder = false) => {
    if (path === '') return true;
    const above = path.split('/').map((_, i, parts) => parts.slice(0, i + 1).join('/'));
    const last = rules.findLast(({ fits }) => above.some((part) => fits.test(part)));
    const isEntered = isFolder && rules.some((rule) => rule.isKept && rule.pattern.startsWith(`${path}/`));
    return isEntered || (last?.isKept ?? true);
  };
}

const toRegExp = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern
      .replaceAll(/[.+^${}()|[\]\\?]/g, String.raw`\$&`)
      .replaceAll(/(\*\*\/?)|\*/g, (_, deep?: string) => (deep ? '(?:.*/)?' : '[^/]*'))}$`,
  );
