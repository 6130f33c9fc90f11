import { type Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** Status and body of an answer. */
export interface BenchAnswer {
  status: number;
  body: string;
}

interface BenchRequest {
  method: string;
  headers?: Record<string, string> | undefined;
  body?: string | Readable | undefined;
  agent?: Agent | undefined;
}

/** Sends one request and reads its answer whole. */
export function send(url: string, { body, ...options }: BenchRequest): Promise<BenchAnswer> {
  return new Promise((resolve, reject) => {
    const sending = request(url, options, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString() }),
      );
      response.on('error', reject);
    });
    sending.on('error', reject);
    if (body === undefined || typeof body === 'string') sending.end(body);
    else pipeline(body, sending).catch(reject);
  });
}

/** Reads an answer 200 without keeping it; resolves to the number of lines in it, and to its headers. */
export function readLines(
  url: string,
  headers: Record<string, string>,
): Promise<{ lines: number; headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => {
      if (response.statusCode !== 200) reject(new Error(`${url} was answered with ${response.statusCode}`));
      let lines = 0;
      response.on('data', (piece: Buffer) => {
        for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
      });
      response.on('end', () => resolve({ lines, headers: response.headers })).on('error', reject);
    })
      .on('error', reject)
      .end();
  });
}
