import { type Command, Option } from 'commander';
import { WaggleClient } from '../../shared/client/client.js';
import { type Problem, ProblemError, UnreachableError } from '../../shared/client/errors.js';
import { AppError, messageOf } from '../../shared/errors.js';

/** The options of every command that speaks to a running API. */
export interface ConnectionOptions {
  url: string;
  key?: string;
  json?: true;
}

/** Adds `--url`, `--key` and `--json`. */
export function addConnectionOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--url <url>', 'where the API is').env('WAGGLE_URL').default('http://127.0.0.1:8182'),
    )
    .addOption(new Option('--key <secret>', 'API key, where the server asks for one').env('WAGGLE_KEY'))
    .option('--json', 'print one JSON document as the last line of standard output');
}

/**
 * Does a command's work with a client. What goes wrong is told with what to do about it, on standard error, and as
 * `{ "error": { "code", "message" } }` on standard output with `--json`; the exit code is 1 then.
 */
export async function withClient(
  options: ConnectionOptions,
  work: (client: WaggleClient) => Promise<void>,
): Promise<void> {
  const { url, key, json } = options;
  try {
    await work(new WaggleClient({ url, ...(key === undefined ? {} : { key }) }));
  } catch (error) {
    process.exitCode = 1;
    if (!(error instanceof AppError)) throw error;
    console.error(['✖', explain(error, url)].join(' '));
    if (json) console.log(JSON.stringify({ error: { code: error.code, message: messageOf(error) } }));
  }
}

function explain(error: AppError, url: string): string {
  if (error instanceof UnreachableError) {
    return `no server answers at ${url}\n  start one on this machine:  npm start\n  or name another:            --url http://host:8182 (or WAGGLE_URL)`;
  }
  if (!(error instanceof ProblemError)) return error.message;
  const { title, detail, errors } = error.problem;
  return [
    detail ?? title,
    ...errors.map((field) => `  ${field.pointer} ${field.detail}`),
    ...adviceOn(error.problem),
  ].join('\n');
}

function adviceOn({ status, type, retryAfterMs }: Problem): string[] {
  if (status === 401) return ['  give a key that the server knows: --key SECRET (or WAGGLE_KEY)'];
  if (type.endsWith('/model-not-found')) return ['  what there is: npx waggle models'];
  if (retryAfterMs !== undefined) return [`  try again in ${Math.ceil(retryAfterMs / 1000)} s`];
  return [];
}
