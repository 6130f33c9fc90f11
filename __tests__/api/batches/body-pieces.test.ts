import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { bodyPieces } from '../../../api/batches/upload/body-pieces.js';

/** Reads a body to its end. */
async function read(
  body: PassThrough,
  gzip: boolean,
  signal = new AbortController().signal,
): Promise<string> {
  let text = '';
  const options = { gzip, limitBytes: 1_000, idleMs: 10_000, signal };
  for await (const piece of bodyPieces(body, options)) text += piece.toString();
  return text;
}

describe.each([true, false])('a body, gzip: %s', (gzip) => {
  const encode = (text: string): Buffer => (gzip ? gzipSync(text) : Buffer.from(text));

  it('is read to its end', async () => {
    const body = new PassThrough();
    body.end(encode('one line'));
    expect(await read(body, gzip)).toBe('one line');
  });

  it('that has broken off before it is read does not keep its reader', async () => {
    const body = new PassThrough();
    body.write(encode('one line').subarray(0, 5));
    body.destroy();
    await once(body, 'close');
    await expect(read(body, gzip)).rejects.toThrow(/premature|aborted|closed/i);
  });

  it('that breaks off while it is read does not keep its reader', async () => {
    const body = new PassThrough();
    body.write(encode('one line').subarray(0, 5));
    const reading = read(body, gzip);
    setImmediate(() => body.destroy());
    await expect(reading).rejects.toThrow(/premature|aborted|closed/i);
  });

  it('that nobody wants any more is not waited for', async () => {
    const body = new PassThrough();
    body.write(encode('one line').subarray(0, 5));
    const unwanted = new AbortController();
    const reading = read(body, gzip, unwanted.signal);
    setImmediate(() => unwanted.abort(new Error('not wanted')));
    await expect(reading).rejects.toThrow('not wanted');
    expect(body.destroyed).toBe(false);
  });
});

it('gzip that holds nothing is bounded by its own length', async () => {
  const body = new PassThrough();
  body.end(Buffer.concat(Array<Buffer>(60).fill(gzipSync(''))));
  await expect(read(body, true)).rejects.toThrow('larger than 1000 bytes');
});
