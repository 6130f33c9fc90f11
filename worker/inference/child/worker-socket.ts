import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { encodeFrame, type Frame, type FrameArray, receiveFrames } from '../frames.js';
import { type FromInference, SOCKET_FD, type ToInference } from '../protocol.js';

/** Sends a message; resolves once the system has taken all of it, or the worker is gone. Throws FrameError past the limit. */
export type Tell = (message: FromInference, arrays?: readonly FrameArray[]) => Promise<void>;

/**
 * Ties this process to the worker that started it: `take` is given each message, and the process ends with its worker,
 * or with an error when the worker sends what is no frame. Throws when no worker started it.
 */
export function connectToWorker(take: (frame: Frame<ToInference>) => void): Tell {
  if (!isSocket(SOCKET_FD)) throw new Error('an inference process is started by a worker, not by hand');
  // Signals to the whole group or container are the worker's to act on: it still needs this process to drain.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const socket = new Socket({ fd: SOCKET_FD });
  receiveFrames(socket, take, (error) => {
    throw error;
  });
  socket.once('close', () => process.exit(0));
  return (message, arrays) =>
    new Promise((resolve) => {
      socket.write(encodeFrame(message, arrays), () => resolve());
    });
}

function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
