#!/usr/bin/env node
// npx waggle: the command-line tool. Sets the checkout up when that has not happened yet.
import { prepare } from './setup/prepare.mjs';
import { importBuilt, loadEnvFile, root } from './setup/project.mjs';
import { tryPeers } from './setup/peers.mjs';
import { ensureRedis } from './setup/redis.mjs';
import { reportAndFail } from './setup/setup-error.mjs';

try {
  loadEnvFile();
  await prepare();
  const { runCli } = await importBuilt('scripts/cli.js');
  await runCli(process.argv.slice(2), { root, env: process.env, ensureRedis, tryPeers });
} catch (error) {
  reportAndFail(error);
}
