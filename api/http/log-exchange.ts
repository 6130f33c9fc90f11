import type { Logger } from '../../shared/log/logger.js';
import type { Exchange } from './exchange.js';

/** Writes one line for an exchange once its answer is sent, or once the client has left without it. */
export function logExchange(log: Logger, x: Exchange): void {
  if (!log.isEnabled('info')) return;
  x.response.once('close', () => {
    log.info('request', {
      request_id: x.requestId,
      method: x.request.method,
      route: x.defaults.route,
      status: x.response.statusCode,
      ms: Math.round((performance.now() - x.startedMs) * 1000) / 1000,
      ...(x.caller.owner === '' ? {} : { caller: x.caller.owner }),
      ...(x.jobId === undefined ? {} : { job_id: x.jobId }),
      ...(x.failure === undefined ? {} : { error: x.failure }),
      ...(x.response.writableFinished ? {} : { client: 'left before the answer' }),
    });
  });
}
