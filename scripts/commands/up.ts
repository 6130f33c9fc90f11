import type { Command } from 'commander';
import type { SetUp } from '../up/start-all.js';
import { up } from '../up/up.js';

const HELP = `
It takes its settings from the environment, or from a file .env beside package.json; docs/operating.md lists them all:
  PORT=8182             where the API listens; 0 takes any free port
  WORKERS=1             worker processes
  WEB_CONCURRENCY=1     API processes that share the port
  TF_ENGINE=auto        gpu, webgpu, node, wasm, or the fastest of these that works
  DEFAULT_MODEL         model of a request that names none
  DATA_DIR=.data        where the private Redis keeps its append-only file
  REDIS_FSYNC=everysec  how often it reaches the disk: always, everysec, no
  REDIS_URL             a Redis of your own instead: redis://..., unix:///path, redis+sentinel://... or redis+cluster://...

SIGINT (Ctrl-C) and SIGTERM finish what is in hand and stop; SIGHUP reads the models again, and API_KEYS_FILE.

Examples:
  $ npx waggle up
  $ PORT=8183 WORKERS=2 npx waggle up`;

/** `waggle up`: what `npm start` does. */
export function registerUpCommand(program: Command, setUp: SetUp): void {
  program
    .command('up')
    .description('Starts a private Redis, workers and the API on this machine, and keeps them running.')
    .addHelpText('after', HELP)
    .action(() => up(setUp));
}
