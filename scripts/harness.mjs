#!/usr/bin/env node
// npm run faults, npm run soak: a service of its own is broken on purpose, or is under mixed load. The folder of __tests__
// that the first argument names does the rest.
import { prepare } from './setup/prepare.mjs';
import { importBuilt, root } from './setup/project.mjs';
import { envWithRedis } from './setup/redis.mjs';
import { main } from './setup/setup-error.mjs';

await main(async () => {
  await prepare();
  Object.assign(process.env, await envWithRedis());
  const [name, ...args] = process.argv.slice(2);
  const { runCommand } = await importBuilt(`__tests__/${name}/command.js`);
  await runCommand(args, { root, env: process.env });
});
