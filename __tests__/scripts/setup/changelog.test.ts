import { releasePending } from '../../../scripts/setup/changelog.mjs';

const RELEASE = { version: '1.2.0', date: '2026-01-31' };
const OLDER = '## 1.1.0 - 2025-12-01\n\n- Old.\n';

it('gives what is pending to the version, and begins anew', () => {
  const text = `# Changelog\n\n## Pending\n\n### Added\n\n- New.\n\n${OLDER}`;
  expect(releasePending(text, RELEASE)).toBe(
    `# Changelog\n\n## Pending\n\n## 1.2.0 - 2026-01-31\n\n### Added\n\n- New.\n\n${OLDER}`,
  );
});

it.each([
  ['nothing is pending', `## Pending\n\n### Added\n\n${OLDER}`, 'Nothing is pending'],
  ['there is no place for it', OLDER, 'has no line "## Pending"'],
  ['the version was released', '## Pending\n\n- New.\n\n## 1.2.0 - 2026-01-01\n', '1.2.0 already'],
])('refuses when %s', (_, text, message) => {
  expect(() => releasePending(text, RELEASE)).toThrow(message);
});
