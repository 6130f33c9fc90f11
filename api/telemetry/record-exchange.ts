import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { traceExchange } from './trace-exchange.js';

/** Counts an exchange, traces it and logs one line for it, once its answer is sent or the client has left. */
export function recordExchange({ log, metrics, tracer }: ApiContext, exchange: Exchange): void {
  if (tracer.isOn) traceExchange(tracer, exchange);
  const isLogged = log.isEnabled('info');
  exchange.response.once('close', () => {
    const { method } = exchange.request;
    const ms = performance.now() - exchange.startedMs;
    metrics.answered(method, exchange.defaults.route, { status: exchange.response.statusCode, ms });
    if (!isLogged) return;
    log.info('request', {
      request_id: exchange.requestId,
      method,
      route: exchange.defaults.route,
      status: exchange.response.statusCode,
      ms: Math.round(ms * 1000) / 1000,
      caller: exchange.caller.owner === '' ? undefined : exchange.caller.owner,
      job_id: exchange.about['job_id'],
      batch_id: exchange.about['batch_id'],
      traceparent: exchange.span?.traceparent,
      error: exchange.failure,
      client: exchange.response.writableFinished ? undefined : 'left before the answer',
    });
  });
}
