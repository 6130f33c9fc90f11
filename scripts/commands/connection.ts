import { type Command, InvalidArgumentError, Option } from 'commander';
import { WaggleClient } from '../../shared/client/client.js';
import { type Problem, ProblemError, UnreachableError } from '../../shared/client/errors.js';
import type { OnWait } from '../../shared/client/retry.js';
import { AppError, messageOf } from '../../shared/errors.js';
import { reportErrors } from './report-errors.js';

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
      new Option('--url <url>', 'where the API is')
        .env('WAGGLE_URL')
        .argParser(parseUrl)
        .default('http://127.0.0.1:8182'),
    )
    .addOption(new Option('--key <secret>', 'API key, where the server asks for one').env('WAGGLE_KEY'))
    .option('--json', 'print one JSON document as the last line of standard output');
}

/** Tells that the server is waited for, and why, at most once in {@link TELL_EVERY_MS}. */
export function waitTeller(tell: (line: string) => void): OnWait {
  let toldMs = -TELL_EVERY_MS;
  return (waitMs, error) => {
    if (performance.now() - toldMs < TELL_EVERY_MS) return;
    toldMs = performance.now();
    tell(`  ${reasonOf(error)}, trying again in ${Math.ceil(waitMs / 1000)} s`);
  };
}

const TELL_EVERY_MS = 2_000;

function reasonOf(error: unknown): string {
  if (!(error instanceof ProblemError)) return messageOf(error);
  return error.isLimit ? 'too many requests' : (error.problem.detail ?? error.problem.title);
}

/** The address as it was given. Throws commander's error, which names the option, with what to write instead. */
function parseUrl(text: string): string {
  const isWeb = /^https?:\/\//i.test(text);
  if (isWeb && URL.canParse(text)) {
    const { username, password, search, hash } = new URL(text);
    if (`${username}${password}${search}${hash}` === '') return text;
    throw new InvalidArgumentError('It must be without a user, "?" and "#": a key goes into --key.');
  }
  const other = /^[a-z][a-z0-9+.-]*:\//i.test(text);
  const meant = `http://${text.trim()}`;
  throw new InvalidArgumentError(
    !isWeb && !other && URL.canParse(meant)
      ? `http:// (or https://) is missing: write ${meant}`
      : 'It must be an address, as in http://127.0.0.1:8182 or https://predict.example.com.',
  );
}

/** A key that no header can carry. Commander would show it. */
class KeyError extends AppError {
  readonly code = 'key_invalid';
  constructor() {
    super('the key of --key (or WAGGLE_KEY) has spaces, line ends or letters beyond ASCII, which no key has');
  }
}

/** Does a command's work with a client. Tells of errors as {@link reportErrors} does, with advice. */
export async function withClient(
  options: ConnectionOptions & { print?: (line: string) => void },
  work: (client: WaggleClient) => Promise<void>,
): Promise<void> {
  const { url, key } = options;
  const client = new WaggleClient({ url, ...(key === undefined ? {} : { key }) });
  await reportErrors(
    options,
    () => {
      if (!/^[\x21-\x7e]*$/.test(key ?? '')) throw new KeyError();
      return work(client);
    },
    (error) => explain(error, url),
  );
}

function explain(error: AppError, url: string): string {
  if (error instanceof UnreachableError) {
    const { code, message } = error.reason;
    const why = code === 'ECONNREFUSED' || message === '' ? '' : ` (${message})`;
    return `no server answers at ${url}${why}\n  start one on this machine:  npm start\n  or name another:            --url http://host:8182 (or WAGGLE_URL)`;
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
