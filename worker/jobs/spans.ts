import { jobIds } from '../../shared/batches/chunk-queue.js';
import type { ClaimedJob } from '../../shared/jobs/claimed-job.js';
import { NO_SPAN, type Span, type Tracer } from '../../shared/tracing/tracer.js';
import type { HeldJob } from './held-job.js';
import type { ModelVersion } from '../models/model-version.js';

/** Opens the span of one attempt at a job, below the request that submitted it. */
export function startJobSpan(tracer: Tracer, queue: string, job: ClaimedJob): Span {
  if (!tracer.isOn) return NO_SPAN;
  return tracer.start(`process ${queue}`, {
    kind: 'consumer',
    parent: job.record.about.traceparent,
    attributes: {
      'messaging.system': 'bee-queue',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': job.id,
      'waggle.job_id': job.id,
      'waggle.batch_id': jobIds(job.id).batch_id,
      'waggle.request_id': job.record.requestId,
      'waggle.attempt': job.attempts,
      'waggle.max_attempts': job.record.maxAttempts,
      'waggle.queue_wait_ms': job.waitedMs,
    },
  });
}

/**
 * Opens the span of one prediction for several jobs. It stands in the trace of the first of them that is recorded, links
 * to all, and the others link to it: so a lone job is one trace from request to model, and every job leads to its micro-batch.
 */
export function startRunSpan(jobs: readonly HeldJob[], { manifest, inference }: ModelVersion): Span {
  const [first, ...others] = jobs.map(({ span }) => span).filter(({ isRecorded }) => isRecorded);
  if (!first) return NO_SPAN;
  const span = first.child(`run ${manifest.name}`, {
    links: [first, ...others],
    attributes: {
      'messaging.batch.message_count': jobs.length,
      'waggle.model': manifest.name,
      'waggle.model_version': manifest.version,
      'waggle.engine': inference.report.engine,
    },
  });
  for (const other of others) other.link(span);
  return span;
}
