import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that came in, with its body read. */
export interface SeenRequest {
  method: string;
  /** Path and query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
  /** The body as it came over the line. */
  bytes: Buffer;
}

/** What to answer; nothing at all leaves the request hanging. */
export interface ScriptedAnswer {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as JSON, a text as it is. */
  body?: unknown;
  /** Held back for so long. */
  afterMs?: number;
  /** Closes the connection instead. */
  breaks?: true;
  /** Closes the connection when so many characters of the body are sent. */
  breaksAfter?: number;
  hangs?: true;
}

/** A real HTTP server that says what a test tells it to, in order; the last answer is repeated. */
export interface AnswerServer {
  url: string;
  requests: SeenRequest[];
  close(): Promise<void>;
}

/** Listens on a free port. */
export async function startAnswers(answers: readonly ScriptedAnswer[]): Promise<AnswerServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const respond = async (): Promise<void> => {
      const bytes = await readBody(request);
      requests.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: bytes.toString(),
        bytes,
      });
      const { afterMs = 0, ...said } = answers[Math.min(requests.length, answers.length) - 1] ?? {};
      setTimeout(() => answer(response, said), afterMs);
    };
    // An upload that breaks off is no request.
    respond().catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  response: ServerResponse,
  { status = 200, headers, body, breaks, breaksAfter, hangs }: ScriptedAnswer,
): void {
  if (hangs) return;
  if (breaks) {
    response.socket?.destroy();
    return;
  }
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, ...headers });
  const text = typeof body === 'string' ? body : JSON.stringify(body ?? null);
  if (breaksAfter === undefined) response.end(text);
  else response.write(text.slice(0, breaksAfter), () => response.socket?.destroy());
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
