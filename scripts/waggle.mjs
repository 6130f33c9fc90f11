#!/usr/bin/env node
// npx waggle: the command-line tool. Sets the checkout up when that has not happened yet.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { neededByPackage } from './setup/install.mjs';
import { prepare } from './setup/prepare.mjs';
import { importBuilt, loadEnvFile, root } from './setup/project.mjs';
import { setUpNative } from './setup/native.mjs';
import { tryPeers } from './setup/peers.mjs';
import { ensureRedis } from './setup/redis.mjs';
import { main } from './setup/setup-error.mjs';

await main(async () => {
  loadEnvFile();
  const args = process.argv.slice(2);
  await prepare(
    args[0] === 'model'
      ? { onnx: args.some(isOnnx), images: args.some((arg) => neededByPackage(arg).images) }
      : {},
  );
  const { runCli } = await importBuilt('scripts/cli.js');
  await runCli(args, { root, env: process.env, ensureRedis, tryPeers, setUpNative });
});

/** Whether an argument is a network in ONNX, or a folder of one: `waggle model` runs it. */
function isOnnx(/** @type {string} */ arg) {
  return existsSync(arg.endsWith('.onnx') ? arg : join(arg, 'model.onnx'));
}
