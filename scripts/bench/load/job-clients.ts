import { pause } from '../../../shared/process/pause.js';
import type { Subject } from '../subjects/subject.js';
import type { Act } from './clients.js';
import type { RawAnswer, RawConnection } from './raw-connection.js';

/** Between two polls of one client, in ms: the same for every subject. */
const POLL_MS = 5;

/** Path of a job, by the body that accepted it; all subjects use the same paths. */
export const jobPath = (body: string): string => `/jobs/${(JSON.parse(body) as { id: string }).id}`;

/** Submits a job, then asks until it has its result. */
export function submitThenPoll({ submits, hasResult }: Pick<Subject, 'submits' | 'hasResult'>): Act {
  const next = inTurn(submits);
  return async (connection) => {
    const path = jobPath((await accepted(connection, next())).body.toString('latin1'));
    const poll = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
    for (;;) {
      await pause(POLL_MS);
      const { status, body } = await connection.send(poll);
      if (status !== 200) throw unexpected(status, body);
      if (hasResult(body)) return;
    }
  };
}

/** Submits a job and goes on. `onAccepted` is told the body of the answer. */
export function submitOnly(
  submits: readonly string[],
  onAccepted: (body: string) => void = () => undefined,
): Act {
  const next = inTurn(submits);
  return async (connection) => onAccepted((await accepted(connection, next())).body.toString('latin1'));
}

/** One request that is answered with its result. */
export function ask(requests: readonly string[], hasResult: (body: Buffer) => boolean): Act {
  const next = inTurn(requests);
  return async (connection) => {
    const { status, body } = await connection.send(next());
    if (status !== 200 || !hasResult(body)) throw unexpected(status, body);
  };
}

async function accepted(connection: RawConnection, request: string): Promise<RawAnswer> {
  const answer = await connection.send(request);
  if (answer.status !== 202) throw unexpected(answer.status, answer.body);
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
