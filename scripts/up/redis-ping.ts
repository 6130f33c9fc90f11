import { connect } from 'node:net';

/** State of a Redis socket: nothing listens, a server still reads its files, or a server serves. */
export type RedisAnswer = 'silent' | 'loading' | 'ready';

const DEADLINE_MS = 1_000;

/** Sends one PING over a unix socket. A server that accepts and does not answer in a second is `loading`. */
export function pingRedis(path: string): Promise<RedisAnswer> {
  return new Promise((resolve) => {
    let answer: RedisAnswer = 'silent';
    const socket = connect(path, () => {
      answer = 'loading';
      socket.write('PING\r\n');
    });
    socket.setTimeout(DEADLINE_MS, () => socket.destroy());
    socket.once('data', (data) => {
      if (data.toString().startsWith('+PONG')) answer = 'ready';
      socket.destroy();
    });
    // 'close' follows, and says what there is to say.
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(answer));
  });
}
