import { PROBLEM_TYPES, problemUri } from '../../api/http/problem-types.js';
import { createResponseCheck } from '../support/documented.js';
import type { FuzzDocument } from './document.js';
import { createJudge, isUnhttp, type Verdict } from './verdict.js';
import type { Answer, Exchanged, SentRequest } from './wire.js';

/** An answer that should not have been. `kind` is the same for the same mistake on other requests. */
export class UnexpectedAnswer extends Error {
  override name = 'UnexpectedAnswer';
  constructor(
    readonly kind: string,
    what: string,
  ) {
    super(`${kind}: ${what}`);
  }
}

/** Throws an {@link UnexpectedAnswer} for answers that are not what they should be. */
export type CheckAnswers = (request: SentRequest, exchanged: Exchanged) => Verdict;

/** Problems by which the service says that a request breaks its rules. */
const REFUSALS: ReadonlySet<string> = new Set(
  (
    [
      'malformed-json',
      'malformed-batch',
      'idempotency-key-malformed',
      'unsupported-media-type',
      'validation-failed',
    ] as const
  ).map(problemUri),
);

const STATUS_OF_TYPE = new Map(
  Object.entries(PROBLEM_TYPES).map(([code, { status, title }]) => [`/problems/${code}`, { status, title }]),
);

/** Everything that must hold of the answers to a request, made of the served document. */
export function createAnswerCheck(document: FuzzDocument): CheckAnswers {
  const checkDocumented = createResponseCheck(document);
  const judge = createJudge(document);
  return (request, { answers }) => {
    const verdict = judge(request);
    const [answer, ...others] = answers;
    const fail = (rule: string, what: string): never => {
      throw new UnexpectedAnswer(`${request.operation} ${answer?.status ?? 'none'}: ${rule}`, what);
    };
    if (!answer) {
      return mayBeLeft(request) ? verdict : fail('no answer', 'the connection was closed without a word');
    }
    const shown = `${JSON.stringify(answer.headers)} ${answer.text.slice(0, 600)}`;
    // An inference of the protocol that is not waited for long enough is 504.
    if (answer.status >= 500 && answer.status !== 504) fail('failed', shown);
    if (isFromParser(answer)) {
      return isUnhttp(request) ? verdict : fail('refused as no HTTP', shown);
    }
    checkGeneral(request, answer, (rule) => fail(rule, shown));
    if (!isUnhttp(request) && request.target.startsWith('/')) {
      try {
        checkDocumented(request.method.toLowerCase(), request.target, answer);
      } catch (error) {
        fail('not as documented', String(error));
      }
    }
    if (verdict === 'invalid' && answer.status < 400) fail('taken although the document forbids it', shown);
    if (verdict === 'valid' && isRefusal(answer)) fail('refused although the document allows it', shown);
    checkFollower(request, answer, others, fail);
    return verdict;
  };
}

/** Without an answer: a body that never came whole, and CONNECT, which this server does not know. */
const mayBeLeft = (request: SentRequest): boolean =>
  isUnhttp(request) && (request.framing === 'short' || request.method === 'CONNECT' || isUpgrade(request));
const isUpgrade = ({ headers }: SentRequest): boolean =>
  headers.some(([name]) => /^(upgrade|connection|content-length|transfer-encoding|expect)$/i.test(name));

/** The HTTP parser's refusals have neither a body nor the headers of this service. */
const isFromParser = ({ status, headers }: Answer): boolean =>
  [400, 408, 413, 417, 431].includes(status) && headers['x-request-id'] === undefined;

function checkGeneral(
  { method, headers, target }: SentRequest,
  answer: Answer,
  fail: (rule: string) => never,
): void {
  const type = answer.headers['content-type'];
  const id = answer.headers['x-request-id'];
  if (id === undefined) fail('no X-Request-Id');
  const sent = headers.filter(([name]) => name === 'X-Request-Id');
  if (sent.length === 1 && /^[\x21-\x7e]{1,128}$/.test(sent[0]?.[1] ?? '') && id !== sent[0]?.[1]) {
    fail('another X-Request-Id than the request had');
  }
  if (answer.headers['x-content-type-options'] !== 'nosniff') fail('no nosniff');
  if (/\n\s+at .+:\d+:\d+|node_modules|\/work\/|internal\//.test(answer.text) && type?.includes('json')) {
    fail('tells of the inside');
  }
  if (answer.status === 405 && answer.headers['allow'] === undefined) fail('405 without Allow');
  if (answer.status < 400 || method === 'HEAD' || isOriginalRefusal(answer)) return;
  if (/^\/v2(\/|\?|$)/i.test(target)) {
    if (!isProtocolError(answer)) fail('an error that is none of the protocol');
    return;
  }
  if (type !== 'application/problem+json') fail('an error that is no problem');
  const problem = answer.body as { type?: string; status?: number; title?: string };
  const known = STATUS_OF_TYPE.get(problem.type ?? '');
  if (
    !known ||
    known.status !== answer.status ||
    known.status !== problem.status ||
    known.title !== problem.title
  ) {
    fail('a problem of no known type');
  }
}

/** The original service refuses in its own way: the document has its schema. */
const isOriginalRefusal = ({ status, headers, body }: Answer): boolean =>
  status === 400 &&
  headers['content-type'] === 'application/json' &&
  Object.hasOwn(body as object, 'message');

/** The Open Inference Protocol has errors of its own. */
const isProtocolError = ({ headers, body }: Answer): boolean =>
  headers['content-type'] === 'application/json' && Object.keys(body as object).join() === 'error';

const isRefusal = (answer: Answer): boolean =>
  isOriginalRefusal(answer) ||
  (answer.status >= 400 && REFUSALS.has((answer.body as { type?: string } | null)?.type ?? ''));

/** What is left of one request on a connection must not become part of the next. */
function checkFollower(
  request: SentRequest,
  answer: Answer,
  others: readonly Answer[],
  fail: (rule: string, what: string) => never,
): void {
  const isClosed =
    answer.headers['connection']?.toLowerCase() === 'close' ||
    answer.headers['content-type'] === 'text/event-stream';
  if (isUnhttp(request)) return;
  if (others.length > (request.followed ? 1 : 0)) fail('more answers than requests', JSON.stringify(others));
  if (!request.followed || isClosed) return;
  const [next] = others;
  if (next?.status !== 200 || !next.text.includes('"process"')) {
    fail('the next request on the connection went wrong', JSON.stringify(next ?? 'no answer'));
  }
}
