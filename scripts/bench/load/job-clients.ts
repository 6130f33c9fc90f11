import { pause } from '../../../shared/process/pause.js';
import type { Subject } from '../subjects/subject.js';
import type { Act } from './clients.js';
import type { RawAnswer, RawConnection } from './raw-connection.js';

/** Between two polls of one client, in ms: the same for every subject. */
const POLL_MS = 5;
/** Longest that one job may take, in ms; it only bounds a service that has lost one. */
const PATIENCE_MS = 60_000;

/** Path of a job, by the body that accepted it. */
export const jobPath = (body: string): string => `/jobs/${(JSON.parse(body) as { id: string }).id}`;

/** Submits a job, then asks until it has its result. */
export function submitThenPoll({
  submits,
  hasResult,
  jobs: { acceptedStatus, pathsOf } = { acceptedStatus: 202, pathsOf: (body) => [jobPath(body)] },
}: Pick<Subject, 'submits' | 'hasResult' | 'jobs'>): Act {
  const next = inTurn(submits);
  return async (connection) => {
    const { body } = await accepted(connection, next(), acceptedStatus);
    await pause(POLL_MS);
    for (const path of pathsOf(body.toString('latin1'))) await pollUntilDone(connection, path, hasResult);
  };
}

async function pollUntilDone(
  connection: RawConnection,
  path: string,
  hasResult: (body: Buffer) => boolean,
): Promise<void> {
  const poll = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
  for (const sinceMs = performance.now(); ; await pause(POLL_MS)) {
    const { status, body } = await connection.send(poll);
    if (status !== 200) throw unexpected(status, body);
    if (hasResult(body)) return;
    if (performance.now() - sinceMs > PATIENCE_MS) throw unexpected(status, body);
  }
}

/** Submits a job and goes on. `onAccepted` is told the body of the answer. */
export function submitOnly(
  submits: readonly string[],
  onAccepted: (body: string) => void = () => undefined,
): Act {
  const next = inTurn(submits);
  return async (connection) => onAccepted((await accepted(connection, next())).body.toString('latin1'));
}

/** Stands in a request for eight digits that no other request has. */
export const UNIQUE = '{unique}';
let sent = 0;
const uniquely = (request: string): string =>
  request.includes(UNIQUE)
    ? request.replaceAll(UNIQUE, String((sent += 1)).padStart(UNIQUE.length, '0'))
    : request;

/** One request that is answered with its result. */
export function ask(requests: readonly string[], hasResult: (body: Buffer) => boolean): Act {
  const next = inTurn(requests);
  return async (connection) => {
    const { status, body } = await connection.send(uniquely(next()));
    if (status !== 200 || !hasResult(body)) throw unexpected(status, body);
  };
}

/** Submits many jobs in one request, which is answered with their ids, then asks for each until it has its result. */
export function submitManyThenPoll(requests: readonly string[], hasResult: (body: Buffer) => boolean): Act {
  const next = inTurn(requests);
  return async (connection) => {
    const { body } = await accepted(connection, next());
    const { ids } = JSON.parse(body.toString('latin1')) as { ids: string[] };
    for (const id of ids) await pollUntilDone(connection, `/jobs/${id}`, hasResult);
  };
}

async function accepted(connection: RawConnection, request: string, status = 202): Promise<RawAnswer> {
  const answer = await connection.send(request);
  if (answer.status !== status) throw unexpected(answer.status, answer.body);
  return answer;
}

function inTurn<T>(values: readonly T[]): () => T {
  let at = 0;
  return () => {
    at = (at + 1) % values.length;
    return values[at] as T;
  };
}

const unexpected = (status: number, body: Buffer): Error =>
  new Error(`an unexpected answer: ${status} ${body.toString().slice(0, 300)}`);
