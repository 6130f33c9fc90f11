// What compose.dev.yaml runs: node dev.mjs <api|worker> builds and starts the program, and does both again whenever a
// source has changed. It looks twice a second instead of waiting to be told: not every mount tells.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, fingerprint, isBuilt } from '../scripts/setup/build.mjs';
import { root } from '../scripts/setup/project.mjs';

const [name = ''] = process.argv.slice(2);
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => stopping.abort());

/** Ends the program that runs. */
let stop = async () => {};

/** Starts the program; gives what ends it. */
function start() {
  const child = spawn(process.execPath, [join(root, 'dist', name, 'main.js')], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  return async () => {
    child.kill('SIGTERM');
    await ended;
  };
}

/** What the sources are now; nothing while one of them is being replaced. */
function look() {
  try {
    return fingerprint(root);
  } catch {
    return undefined;
  }
}

for (let seen = ''; !stopping.signal.aborted; ) {
  const now = look();
  if (now !== undefined && now !== seen) {
    seen = now;
    await stop();
    stop = async () => {};
    try {
      if (!isBuilt(root)) await build(root);
      stop = start();
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
    }
  }
  await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
}
await stop();
