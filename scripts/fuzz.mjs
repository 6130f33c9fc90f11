#!/usr/bin/env node
// npm run fuzz: generated requests against everything running. --requests 5000 --seed 1 --json
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare } from './setup/prepare.mjs';
import { importBuilt, root } from './setup/project.mjs';
import { envWithRedis } from './setup/redis.mjs';
import { runCommand } from './setup/run-command.mjs';
import { main, SetupError } from './setup/setup-error.mjs';

/** @param {string[]} args */
async function fuzz(args) {
  await prepare();
  // Packages are there from now on.
  const { Command } = await import('commander');
  const { whole } = await importBuilt('scripts/commands/numbers.js');
  const number = whole(0, 2 ** 31 - 1);
  const { requests, seed, json } = new Command('npm run fuzz --')
    .description(
      'Sends generated requests to everything running, and holds every answer against the document.',
    )
    .option('--requests <n>', 'how many requests', number, 5_000)
    .option(
      '--seed <n>',
      'the same seed gives the same requests',
      number,
      Math.floor(Math.random() * 2 ** 31),
    )
    .option('--json', 'one JSON document instead of text')
    .parse(args, { from: 'user' })
    .opts();
  const dir = mkdtempSync(join(tmpdir(), 'waggle-fuzz-report-'));
  try {
    const file = join(dir, 'report.json');
    const own = { FUZZ_REQUESTS: String(requests), FUZZ_SEED: String(seed), FUZZ_REPORT: file };
    console.error(`sending ${requests} requests, seed ${seed}`);
    const env = { ...(await envWithRedis()), ...own };
    const jest = [join(root, 'node_modules/jest/bin/jest.js'), '__tests__/fuzz'];
    // The campaign is a test, which fails where it finds something; its report says what.
    await runCommand(process.execPath, jest, { cwd: root, env }).catch((error) => {
      if (!existsSync(file)) throw new SetupError(`the campaign broke off:\n${error.message}`);
    });
    const { text, ...report } = JSON.parse(readFileSync(file, 'utf8'));
    console.log(json ? JSON.stringify(report, undefined, 2) : text);
    if (report.findings.length + report.aftermath.length > 0) process.exitCode = 1;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

await main(() => fuzz(process.argv.slice(2)));
