#!/usr/bin/env node
// npm run soak: mixed load on a service of its own, and what has grown by it.
import { prepare } from './setup/prepare.mjs';
import { importBuilt, root } from './setup/project.mjs';
import { ensureRedis } from './setup/redis.mjs';
import { reportAndFail } from './setup/setup-error.mjs';

try {
  await prepare();
  const { runCommand } = await importBuilt('__tests__/soak/command.js');
  await runCommand(process.argv.slice(2), { root, env: process.env, redis: await ensureRedis() });
} catch (error) {
  reportAndFail(error);
}
