import type { Tracer } from '../../shared/tracing/tracer.js';
import type { Exchange } from '../http/exchange.js';

/** Opens the span of an exchange, below the caller's where the request names one; it ends with the answer. */
export function traceExchange(tracer: Tracer, x: Exchange): void {
  const { method } = x.request;
  const { route } = x.defaults;
  const span = tracer.start(`${method} ${route}`, {
    kind: 'server',
    parent: x.traceparent(),
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': x.request.path,
      'waggle.request_id': x.requestId,
    },
  });
  x.span = span;
  x.response.once('close', () => {
    const { statusCode, writableFinished } = x.response;
    span.set({
      'http.response.status_code': statusCode,
      'waggle.job_id': x.jobId,
      'waggle.batch_id': x.batchId,
      'waggle.client_left': writableFinished ? undefined : true,
    });
    if (statusCode >= 500) span.fail(x.failure ?? `status ${statusCode}`);
    span.end();
  });
}
