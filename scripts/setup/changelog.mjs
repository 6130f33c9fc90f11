import { SetupError } from './setup-error.mjs';

const PENDING = '## Pending\n';

/**
 * Gives what is pending in a changelog to a version; nothing is pending afterwards. Throws a {@link SetupError} when
 * nothing was, or when the version has been released before.
 *
 * @param {string} text
 * @param {{ version: string, date: string }} release `date` as 2026-01-31
 * @returns {string}
 */
export function releasePending(text, { version, date }) {
  const [before, after] = text.split(PENDING);
  if (after === undefined) {
    throw new SetupError(`CHANGELOG.md has no line "${PENDING.trim()}": put it on top.`);
  }
  if (after.includes(`## ${version} `)) {
    throw new SetupError(`CHANGELOG.md has ${version} already: a release cannot be made twice.`);
  }
  const pending = after.split(/^## /m, 1)[0] ?? '';
  if (!/^- /m.test(pending)) {
    throw new SetupError('Nothing is pending in CHANGELOG.md: say there what has changed, then release it.');
  }
  return `${before}${PENDING}\n## ${version} - ${date}\n${after}`;
}
