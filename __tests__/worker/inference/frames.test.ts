import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { array, assert, float, integer, jsonValue, oneof, property, record, uint8Array } from 'fast-check';
import { encodeFrame, type Frame, type FrameArray, FrameReader } from '../../../worker/inference/frames.js';
import { InferenceChild } from '../../../worker/inference/parent/inference-child.js';
import { built } from '../../support/paths.js';
import { recordingLog } from '../../support/recording-log.js';
import { ENGINE_FIXTURES } from './engine-runs.js';

/** Frames read from bytes that arrive in pieces, which end where `cuts` says. */
function read(bytes: Buffer, cuts: readonly number[] = []): Frame<object>[] {
  const frames: Frame<object>[] = [];
  const reader = new FrameReader<object>((frame) => frames.push(frame));
  const ends = [...cuts, bytes.length].toSorted((a, b) => a - b);
  ends.reduce((start, end) => {
    reader.push(bytes.subarray(start, end));
    return end;
  }, 0);
  return frames;
}

const MESSAGE = { type: 'predict', id: 7, note: 'Zürich' };
const ARRAYS: FrameArray[] = [
  Float32Array.of(1.5, Number.NaN, -0),
  Uint8Array.of(1, 0, 255),
  new Float32Array(0),
  // A view that begins and ends within its memory.
  new Int32Array(Int32Array.of(9, -1, 2 ** 31 - 1, 9).buffer, 4, 2),
];
const frame = encodeFrame(MESSAGE, ARRAYS);

it('carries a message and arrays of each type, wherever the bytes are cut', () => {
  const two = Buffer.concat([frame, frame]);
  const expected = [
    { message: MESSAGE, arrays: ARRAYS },
    { message: MESSAGE, arrays: ARRAYS },
  ];
  for (let cut = 0; cut <= two.length; cut += 1) expect(read(two, [cut])).toEqual(expected);
  expect(
    read(
      two,
      Array.from(two, (_, at) => at),
    ),
  ).toEqual(expected);
});

it('carries whatever JSON and arrays hold, in any number of frames and pieces', () => {
  const anyArray = oneof(
    array(float()).map((values) => Float32Array.from(values)),
    array(integer()).map((values) => Int32Array.from(values)),
    uint8Array(),
  );
  const anyFrame = record({
    message: record({ value: jsonValue({ noUnicodeString: false }) }),
    arrays: array(anyArray),
  });
  assert(
    property(array(anyFrame), array(integer({ min: 0, max: 2_000 })), (frames, cuts) => {
      const bytes = Buffer.concat(frames.map(({ message, arrays }) => encodeFrame(message, arrays)));
      const sent = frames.map(({ message, arrays }) => ({
        message: JSON.parse(JSON.stringify(message)) as object,
        arrays,
      }));
      expect(
        read(
          bytes,
          cuts.filter((cut) => cut < bytes.length),
        ),
      ).toEqual(sent);
    }),
  );
});

describe('bytes that are no frame', () => {
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(frame);
    change(bytes);
    return bytes;
  };
  const withHead = (head: string): Buffer => {
    const bytes = Buffer.alloc(8 + Math.ceil(head.length / 8) * 8);
    bytes.writeUInt32LE(head.length, 0);
    bytes.writeUInt32LE(bytes.length, 4);
    bytes.write(head, 8);
    return bytes;
  };

  it.each([
    ['has no head', changed((bytes) => bytes.writeUInt32LE(0, 0)), 'with a head of 0'],
    ['is shorter than its head', changed((bytes) => bytes.writeUInt32LE(8, 4)), 'no frame has 8 bytes'],
    [
      'is above the limit',
      changed((bytes) => bytes.writeUInt32LE(2 ** 32 - 1, 4)),
      'no frame has 4294967295 bytes',
    ],
    ['lacks an array', frame.subarray(0, -8), 'shorter than the arrays'],
    ['has bytes left over', Buffer.concat([frame, Buffer.alloc(8)]), 'longer than the arrays'],
    ['has a head of other bytes', changed((bytes) => bytes.fill(0, 8)), 'is no JSON'],
    ['names an array of no type', withHead('{"message":{},"arrays":[["constructor",1]]}'), 'lacks'],
    ['names an array of no length', withHead('{"message":{},"arrays":[["uint8",-1]]}'), 'lacks'],
    ['holds null', withHead('null'), 'lacks its message'],
  ])('%s', (_, bytes, why) => {
    const sized = Buffer.from(bytes);
    if (sized.readUInt32LE(4) === frame.length) sized.writeUInt32LE(sized.length, 4);
    expect(() => read(sized)).toThrow(why);
  });

  it('end an inference process, which says why', async () => {
    const child = spawn(process.execPath, [built('worker/inference/child/main.js')], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    });
    const said: Buffer[] = [];
    child.stderr?.on('data', (piece: Buffer) => said.push(piece));
    (child.stdio[3] as Socket).on('error', () => undefined).write(Buffer.alloc(8));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).not.toBe(0);
    expect(Buffer.concat(said).toString()).toContain('no frame has 0 bytes with a head of 0');
  });

  it('end an inference process that sends them to its worker', async () => {
    const child = new InferenceChild(`${ENGINE_FIXTURES}/garbling.mjs`, recordingLog());
    const files = { weights: new Uint8Array(0) } as Parameters<typeof child.start>[0]['files'];
    const starting = child.start({ files, engine: 'wasm', passedOver: [], maxBatch: 64 });
    await expect(starting).rejects.toMatchObject({
      loss: 'crashed',
      message: expect.stringContaining('no frame') as string,
    });
    expect(await child.exited).toBe('SIGKILL');
  });
});

it('ends with its worker', async () => {
  const child = spawn(process.execPath, [built('worker/inference/child/main.js')], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  (child.stdio[3] as Socket).destroy();
  expect(await once(child, 'exit')).toEqual([0, null]);
});

it('is not started by hand', async () => {
  const child = spawn(process.execPath, [built('worker/inference/child/main.js')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: Buffer[] = [];
  child.stderr.on('data', (piece: Buffer) => said.push(piece));
  await once(child, 'close');
  expect(Buffer.concat(said).toString()).toContain('started by a worker, not by hand');
});
