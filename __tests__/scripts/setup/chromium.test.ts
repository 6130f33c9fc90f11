import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium } from '../../../scripts/setup/chromium.mjs';

it('finds Chromium on PATH, before Chrome', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-chromium-'));
  const path = process.env['PATH'];
  process.env['PATH'] = folder;
  try {
    for (const name of ['google-chrome', 'chromium']) {
      const program = join(folder, name);
      writeFileSync(program, '#!/bin/sh\n');
      chmodSync(program, 0o755);
      expect(findChromium()).toBe(program);
    }
  } finally {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true });
  }
});
