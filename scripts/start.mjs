#!/usr/bin/env node
// npm start: everything on this machine. Needs nothing but Node, then goes on in the built program.
import { resolve } from 'node:path';
import { neededBy } from './setup/install.mjs';
import { prepare } from './setup/prepare.mjs';
import { importBuilt, loadEnvFile, root } from './setup/project.mjs';
import { ensureRedis } from './setup/redis.mjs';
import { main } from './setup/setup-error.mjs';

await main(async () => {
  loadEnvFile();
  await prepare(neededBy(resolve(root, process.env.MODELS_DIR || 'model')));
  const { up } = await importBuilt('scripts/up/up.js');
  await up({ root, env: process.env, ensureRedis });
});
