import type { Tracer } from '../../shared/tracing/tracer.js';
import type { Exchange } from '../http/exchange.js';

/** Opens the span of an exchange, below the caller's where the request names one; it ends with the answer. */
export function traceExchange(tracer: Tracer, exchange: Exchange): void {
  const { method } = exchange.request;
  const { route } = exchange.defaults;
  const span = tracer.start(`${method} ${route}`, {
    kind: 'server',
    parent: exchange.traceparent(),
    attributes: {
      'http.request.method': method,
      'http.route': route,
      'url.path': exchange.request.path,
      'waggle.request_id': exchange.requestId,
    },
  });
  exchange.span = span;
  exchange.response.once('close', () => {
    const { statusCode, writableFinished } = exchange.response;
    span.set({
      'http.response.status_code': statusCode,
      'waggle.job_id': exchange.about['job_id'],
      'waggle.batch_id': exchange.about['batch_id'],
      'waggle.client_left': writableFinished ? undefined : true,
    });
    if (statusCode >= 500) span.fail(exchange.failure ?? `status ${statusCode}`);
    span.end();
  });
}
