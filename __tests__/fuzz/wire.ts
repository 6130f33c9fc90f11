import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Knowledge } from './known.js';
import type { FuzzRequest } from './requests.js';

/** A request with everything filled in. Characters stand for bytes. */
export interface SentRequest extends FuzzRequest {
  /** Exactly what goes over the connection. */
  bytes: string;
}

/** An answer, read off the connection. */
export interface Answer {
  status: number;
  /** Lower-case name to value; lines of one name are joined. */
  headers: Record<string, string>;
  text: string;
  /** Parsed where it is JSON. */
  body: unknown;
}

/** What came back on one connection. */
export interface Exchanged {
  /** Those with a status of 200 or more, in their order. */
  answers: Answer[];
  ms: number;
}

/** What is sent behind a request that is followed by another one. */
export const FOLLOWER = 'GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';

/** Fills in what earlier answers have told, and frames the body. */
export function prepare(request: FuzzRequest, known: Knowledge): SentRequest {
  const target = known.fill(request.target);
  const headers = request.headers.map(([name, value]) => [name, known.fill(value)] as const);
  const { bytes: body, type, encoding } = request.body;
  const lines = [
    `${request.method} ${target} HTTP/1.1`,
    'Host: localhost',
    ...(request.followed ? [] : ['Connection: close']),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...(encoding === undefined ? [] : [`Content-Encoding: ${encoding}`]),
  ];
  const isEmpty = body === '' && type === undefined;
  if (request.framing === 'chunked' && !isEmpty) lines.push('Transfer-Encoding: chunked');
  else if (!isEmpty || request.framing === 'short') {
    lines.push(`Content-Length: ${body.length + (request.framing === 'short' ? 7 : 0)}`);
  }
  const framed = request.framing === 'chunked' && !isEmpty ? inChunks(body) : body;
  const head = `${lines.join('\r\n')}\r\n\r\n`;
  const follower = request.followed && request.framing !== 'short' ? FOLLOWER : '';
  return { ...request, target, headers, bytes: head + framed + follower };
}

function inChunks(body: string): string {
  const size = Math.max(1, Math.ceil(body.length / 3));
  const pieces = body.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? [];
  return `${pieces.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('')}0\r\n\r\n`;
}

/**
 * Sends a request on a connection of its own and reads until the server closes it. Rejects when that takes more than
 * `timeoutMs`; a connection that breaks off counts as closed.
 */
export function exchange(
  port: number,
  { bytes, framing }: SentRequest,
  timeoutMs: number,
): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const startedMs = performance.now();
    const pieces: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const late = setTimeout(() => {
      socket.destroy();
      reject(
        new Error(`no end within ${timeoutMs} ms; so far: ${JSON.stringify(textOf(pieces).slice(0, 500))}`),
      );
    }, timeoutMs);
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      // A stream of events goes on until its reader leaves.
      if (isStream(pieces)) socket.destroy();
    });
    // Whoever is refused in the middle of a body may see the connection reset: what was read by then counts.
    socket.on('error', () => undefined);
    socket.once('close', () => {
      clearTimeout(late);
      try {
        resolve({ answers: parse(Buffer.concat(pieces)), ms: performance.now() - startedMs });
      } catch (error) {
        reject(error);
      }
    });
    socket.once('end', () => socket.end());
    socket.write(Buffer.from(bytes, 'latin1'));
    if (framing === 'short') socket.end();
  });
}

/** The head of a stream of events, and the first of them. */
const isStream = (pieces: Buffer[]): boolean =>
  /^HTTP\/1\.1 200 [^]*?\r\ncontent-type: text\/event-stream\r\n[^]*?\r\n\r\n[^]*\ndata: /i.test(
    textOf(pieces.slice(0, 4)),
  );

const textOf = (pieces: Buffer[]): string => Buffer.concat(pieces).toString('latin1');

/** Reads the answers of a closed connection. Throws for what is no HTTP. */
function parse(bytes: Buffer): Answer[] {
  const answers: Answer[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) {
      throw new Error(`an answer without an end of its head: ${rest.toString('latin1').slice(0, 200)}`);
    }
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]);
    if (!status) throw new Error(`no status line: ${first.slice(0, 200)}`);
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const at = line.indexOf(':');
      const name = line.slice(0, at).toLowerCase();
      const value = line.slice(at + 1).trim();
      headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
    }
    const [body, after] = bodyOf(rest.subarray(end + 4), headers, status);
    if (status >= 200) answers.push({ status, headers, ...read(body, headers) });
    rest = after;
  }
  return answers;
}

/** The body behind a head, and what comes behind the body. A body of HEAD's is missing whatever its head says. */
function bodyOf(rest: Buffer, headers: Record<string, string>, status: number): [Buffer, Buffer] {
  if (status < 200 || status === 204 || status === 304 || rest.subarray(0, 9).toString() === 'HTTP/1.1 ') {
    return [Buffer.alloc(0), rest];
  }
  if (headers['transfer-encoding'] === 'chunked') return dechunk(rest);
  const length = Number(headers['content-length'] ?? rest.length);
  return [rest.subarray(0, length), rest.subarray(length)];
}

function dechunk(given: Buffer): [Buffer, Buffer] {
  const pieces: Buffer[] = [];
  for (let rest = given; ; ) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.subarray(0, end).toString('latin1'), 16);
    // Without its last chunk an answer was broken off; a body of HEAD's has none at all.
    if (end < 0 || Number.isNaN(size)) return [Buffer.concat(pieces), Buffer.alloc(0)];
    if (size === 0) return [Buffer.concat(pieces), rest.subarray(end + 4)];
    pieces.push(rest.subarray(end + 2, end + 2 + size));
    rest = rest.subarray(end + 4 + size);
  }
}

function read(bytes: Buffer, headers: Record<string, string>): { text: string; body: unknown } {
  const text = (
    headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes
  ).toString('utf8');
  if (!/^application\/(problem\+)?json/.test(headers['content-type'] ?? '') || text === '') {
    return { text, body: text };
  }
  return { text, body: JSON.parse(text) as unknown };
}
