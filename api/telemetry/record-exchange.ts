import type { ApiContext } from '../context.js';
import type { Exchange } from '../http/exchange.js';
import { traceExchange } from './trace-exchange.js';

/** Counts an exchange, traces it and writes one line for it, once its answer is sent or the client has left without it. */
export function recordExchange({ log, metrics, tracer }: ApiContext, x: Exchange): void {
  if (tracer.isOn) traceExchange(tracer, x);
  const isLogged = log.isEnabled('info');
  x.response.once('close', () => {
    const { method } = x.request;
    const ms = performance.now() - x.startedMs;
    metrics.answered(method, x.defaults.route, { status: x.response.statusCode, ms });
    if (!isLogged) return;
    log.info('request', {
      request_id: x.requestId,
      method,
      route: x.defaults.route,
      status: x.response.statusCode,
      ms: Math.round(ms * 1000) / 1000,
      ...(x.caller.owner === '' ? {} : { caller: x.caller.owner }),
      ...(x.jobId === undefined ? {} : { job_id: x.jobId }),
      ...(x.batchId === undefined ? {} : { batch_id: x.batchId }),
      ...(x.span?.traceparent === undefined ? {} : { traceparent: x.span.traceparent }),
      ...(x.failure === undefined ? {} : { error: x.failure }),
      ...(x.response.writableFinished ? {} : { client: 'left before the answer' }),
    });
  });
}
