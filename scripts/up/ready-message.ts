import type { ChildProcess } from 'node:child_process';
import { isRecord } from '../../shared/text/is-record.js';

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
      if (!isRecord(message) || message['type'] !== 'ready') return;
      child.off('message', onMessage);
      const { port, models } = message;
      const engines = Array.isArray(models) ? models.map((model) => isRecord(model) && model['engine']) : [];
      resolve({
        ...(typeof port === 'number' ? { port } : {}),
        engines: engines.filter((engine) => typeof engine === 'string'),
      });
    };
    child.on('message', onMessage);
  });
}
