import type { Socket } from 'node:net';
import { AppError } from '../../shared/errors.js';

// A frame is two numbers of 32 bits, little-endian (bytes of its head, bytes of the whole frame), then the head: JSON of
// `{ message, arrays }`, with type and length of each array. The arrays follow as they lie in memory. Head and arrays are
// each filled up to a multiple of 8 bytes, so that a received array is a view of its frame, whatever its type.

const ARRAYS = { float32: Float32Array, int32: Int32Array, uint8: Uint8Array } as const;
const ARRAY_TYPES = new Map<unknown, keyof typeof ARRAYS>([
  [Float32Array, 'float32'],
  [Int32Array, 'int32'],
  [Uint8Array, 'uint8'],
]);

/** Numbers that travel as they lie in memory. */
export type FrameArray = Float32Array | Int32Array | Uint8Array;

interface Head<Message> {
  message: Message;
  arrays: [keyof typeof ARRAYS, number][];
}

/** What one frame carries. */
export interface Frame<Message> {
  message: Message;
  arrays: FrameArray[];
}

/** The bytes are no frame: the processes at the two ends do not speak of the same thing any more. */
export class FrameError extends AppError {
  readonly code = 'frame_garbled';
}

const PREFIX_BYTES = 8;
/** The largest frame carries a model: as much as a package may hold (2 GiB of weights, 64 MiB of model.json), and its manifest. */
const LIMIT_BYTES = 2 ** 31 + 2 ** 27;

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** Packs a message, which JSON has to be able to hold, and arrays. Throws {@link FrameError} past the limit of 2.1 GiB. */
export function encodeFrame(message: object, arrays: readonly FrameArray[] = []): Buffer {
  const listed = arrays.map((array) => [ARRAY_TYPES.get(array.constructor), array.length]);
  const head = JSON.stringify({ message, arrays: listed });
  const headBytes = Buffer.byteLength(head);
  let total = PREFIX_BYTES + padded(headBytes);
  let at = total;
  for (const array of arrays) total += padded(array.byteLength);
  if (total > LIMIT_BYTES) throw new FrameError(`${total} bytes are more than a frame may have`);
  const frame = Buffer.allocUnsafe(total);
  frame.writeUInt32LE(headBytes, 0);
  frame.writeUInt32LE(total, 4);
  frame.write(head, PREFIX_BYTES);
  for (const array of arrays) {
    frame.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
    at += padded(array.byteLength);
  }
  return frame;
}

/** Puts frames together again from pieces of any size. Each byte is copied once, into the memory of its frame. */
export class FrameReader<Message> {
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #frame: Buffer = this.#prefix;
  #filled = 0;

  /** @param take is given each frame as soon as its last byte is there. */
  constructor(private readonly take: (frame: Frame<Message>) => void) {}

  /** Takes the next piece. Throws {@link FrameError} as soon as the bytes cannot be a frame; the reader is of no use then. */
  push(piece: Buffer): void {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(this.#frame, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#frame.length) return;
      if (this.#frame === this.#prefix) this.#frame = frameFor(this.#prefix);
      else {
        const frame = decodeFrame<Message>(this.#frame);
        this.#frame = this.#prefix;
        this.#filled = 0;
        this.take(frame);
      }
    }
  }
}

/** Memory for a frame that begins like this. */
function frameFor(prefix: Buffer): Buffer {
  const [headBytes, total] = [prefix.readUInt32LE(0), prefix.readUInt32LE(4)];
  if (headBytes === 0 || total < PREFIX_BYTES + padded(headBytes) || total > LIMIT_BYTES) {
    throw new FrameError(`no frame has ${total} bytes with a head of ${headBytes}`);
  }
  // Not out of Buffer's pool, where a frame could begin at any byte.
  const frame = Buffer.allocUnsafeSlow(total);
  prefix.copy(frame);
  return frame;
}

function decodeFrame<Message>(frame: Buffer): Frame<Message> {
  const headBytes = frame.readUInt32LE(0);
  const head = readHead<Message>(frame.toString('utf8', PREFIX_BYTES, PREFIX_BYTES + headBytes));
  let at = PREFIX_BYTES + padded(headBytes);
  const arrays: FrameArray[] = [];
  for (const [type, length] of head.arrays) {
    const bytes = ARRAYS[type].BYTES_PER_ELEMENT * length;
    if (at + bytes > frame.length) throw new FrameError('a frame is shorter than the arrays it lists');
    arrays.push(new ARRAYS[type](frame.buffer as ArrayBuffer, at, length));
    at += padded(bytes);
  }
  if (at !== frame.length) throw new FrameError('a frame is longer than the arrays it lists');
  return { message: head.message, arrays };
}

function readHead<Message>(text: string): Head<Message> {
  try {
    const head = JSON.parse(text) as Partial<Head<Message>> | null;
    const isWhole = head?.message && Array.isArray(head.arrays) && head.arrays.every(isListed);
    if (isWhole) return head as Head<Message>;
  } catch (cause) {
    throw new FrameError('the head of a frame is no JSON', { cause });
  }
  throw new FrameError('the head of a frame lacks its message or its arrays');
}

function isListed(entry: unknown): boolean {
  if (!Array.isArray(entry)) return false;
  const [type, length] = entry as unknown[];
  return (
    typeof type === 'string' &&
    Object.hasOwn(ARRAYS, type) &&
    Number.isSafeInteger(length) &&
    Number(length) >= 0
  );
}

/**
 * Calls `take` with each frame that arrives on a socket, and `fail` once with the {@link FrameError} of bytes that are
 * none, after which nothing more is taken. Errors of the socket are left to its close.
 */
export function receiveFrames<Message>(
  socket: Socket,
  take: (frame: Frame<Message>) => void,
  fail: (error: FrameError) => void,
): void {
  const reader = new FrameReader(take);
  const push = (piece: Buffer): void => {
    try {
      reader.push(piece);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      socket.off('data', push);
      fail(error);
    }
  };
  socket.on('data', push);
  socket.on('error', () => undefined);
}
