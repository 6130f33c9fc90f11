#!/usr/bin/env node
// npm run faults: breaks a service of its own on purpose and counts what is lost.
import { prepare } from './setup/prepare.mjs';
import { importBuilt, root } from './setup/project.mjs';
import { ensureRedis } from './setup/redis.mjs';
import { reportAndFail } from './setup/setup-error.mjs';

try {
  await prepare();
  const { runCommand } = await importBuilt('__tests__/faults/command.js');
  await runCommand(process.argv.slice(2), { root, env: process.env, redis: await ensureRedis() });
} catch (error) {
  reportAndFail(error);
}
