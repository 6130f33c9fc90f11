#!/usr/bin/env node
// Run by npm version, between the new version in package.json and its commit: see CONTRIBUTING.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { releasePending } from './setup/changelog.mjs';
import { root } from './setup/project.mjs';
import { main } from './setup/setup-error.mjs';

await main(async () => {
  const file = join(root, 'CHANGELOG.md');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const date = new Date().toISOString().slice(0, 10);
  writeFileSync(file, releasePending(readFileSync(file, 'utf8'), { version, date }));
});
