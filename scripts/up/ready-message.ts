import type { ChildProcess } from 'node:child_process';

/** The message of an API or worker process to its parent once it serves. */
export interface ReadyMessage {
  /** The port it listens on; APIs only. */
  port?: number;
  /** Engines and devices of its models; workers only. */
  engines: string[];
}

/** Resolves with the `ready` message of a process with an IPC channel. */
export function readyMessage(child: ChildProcess): Promise<ReadyMessage> {
  return new Promise((resolve) => {
    const onMessage = (message: unknown): void => {
      if (typeof message !== 'object' || message === null || !('type' in message)) return;
      if (message.type !== 'ready') return;
      child.off('message', onMessage);
      resolve({
        ...('port' in message && typeof message.port === 'number' ? { port: message.port } : {}),
        engines: 'models' in message && Array.isArray(message.models) ? message.models.flatMap(engineOf) : [],
      });
    };
    child.on('message', onMessage);
  });
}

const engineOf = (model: unknown): string[] =>
  typeof model === 'object' && model !== null && 'engine' in model && typeof model.engine === 'string'
    ? [model.engine]
    : [];
