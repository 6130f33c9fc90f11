import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { bodyText } from '../../../api/batches/body-text.js';

/** Reads a body to its end. */
async function read(body: PassThrough, gzip: boolean): Promise<string> {
  let text = '';
  for await (const piece of bodyText(body, { gzip, limitBytes: 1_000, idleMs: 10_000 })) text += piece;
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
});
