/** One kind of problem: its status, its title, and advice to the client. */
export interface ProblemType {
  status: number;
  title: string;
  advice: string;
}

/**
 * Every problem this service answers with, by the last part of its type URI, `/problems/<code>`. Codes and statuses
 * are part of the contract.
 */
export const PROBLEM_TYPES = {
  'malformed-json': {
    status: 400,
    title: 'The body is not JSON',
    advice: 'Send one JSON document, in UTF-8, of the length that Content-Length says.',
  },
  'malformed-batch': {
    status: 400,
    title: 'The rows cannot be read',
    advice:
      'The body must be whole, in UTF-8, of the media type that Content-Type says, and gzip only where Content-Encoding says so.',
  },
  'malformed-inference': {
    status: 400,
    title: 'The tensors are not what the model takes',
    advice:
      'GET /v2/models/{name} lists the names, datatypes and shapes of a model; the text says what is wrong.',
  },
  'host-malformed': {
    status: 400,
    title: 'The request does not name one host',
    advice: 'Send one Host header.',
  },
  'idempotency-key-malformed': {
    status: 400,
    title: 'The Idempotency-Key cannot be used',
    advice:
      'Send 1 to 255 visible ASCII characters, for example a UUID, with or without double quotes around.',
  },
  unauthorized: {
    status: 401,
    title: 'A key is needed',
    advice:
      'Send `Authorization: Bearer <secret>` with the secret of a key that the service was given in API_KEYS.',
  },
  'not-found': {
    status: 404,
    title: 'There is nothing here',
    advice: 'The paths of this service are listed at /docs and in /openapi.json.',
  },
  'job-not-found': {
    status: 404,
    title: 'No such job',
    advice: 'Check the id: it is the `id` of the job that was answered with 202.',
  },
  'batch-not-found': {
    status: 404,
    title: 'No such batch',
    advice: 'Check the id: it is the `id` of the batch that was answered with 202.',
  },
  'model-not-found': {
    status: 404,
    title: 'No such model',
    advice: 'GET /models lists the models that can be asked.',
  },
  'method-not-allowed': {
    status: 405,
    title: 'This resource does not know the method',
    advice: 'The Allow header lists the methods that it knows.',
  },
  'request-timeout': {
    status: 408,
    title: 'The request did not come in time',
    advice: 'Nothing was accepted. Send it again, on a new connection.',
  },
  'job-ended': {
    status: 409,
    title: 'The job has already ended',
    advice: 'GET the job for its outcome.',
  },
  'lane-not-allowed': {
    status: 403,
    title: 'The key may not use this lane',
    advice: 'Ask for a lower priority, or for none: the job then waits in the lane of its key.',
  },
  'job-not-replayable': {
    status: 409,
    title: 'The job cannot be run again',
    advice:
      'Only a job that has failed, expired or been canceled is run again. Submit the input as a new job.',
  },
  'input-gone': {
    status: 409,
    title: 'The input of the job is gone',
    advice: 'The service says with KEEP_INPUT how long it keeps inputs. Submit the input as a new job.',
  },
  'batch-ended': {
    status: 409,
    title: 'The batch has already ended',
    advice: 'GET the batch for its outcome.',
  },
  'batch-uploading': {
    status: 409,
    title: 'The upload with this Idempotency-Key is still under way',
    advice: 'Repeat after the time in Retry-After. An upload that breaks off frees its key.',
  },
  'input-not-kept': {
    status: 410,
    title: 'The input of the job is not kept any more',
    advice: 'The service says with KEEP_INPUT how long it keeps inputs. The job itself can still be read.',
  },
  'job-gone': {
    status: 410,
    title: 'The job is gone',
    advice: 'Records are kept for a while after their job ended (`expires_at`). Submit the job again.',
  },
  'batch-gone': {
    status: 410,
    title: 'The batch is gone',
    advice: 'Results are kept for a while after their batch ended (`expires_at`). Submit the batch again.',
  },
  'precondition-failed': {
    status: 412,
    title: 'A condition of the request does not hold',
    advice: 'Leave out If-Match and If-Unmodified-Since, or send what the last answer said.',
  },
  'batch-too-large': {
    status: 413,
    title: 'The batch is too large',
    advice: 'Send the rows in several batches. The detail says which limit was passed.',
  },
  'body-too-large': {
    status: 413,
    title: 'The body is too large',
    advice:
      'One prediction fits easily; the detail names the limit. Many fit into several requests, or into a batch.',
  },
  'unsupported-media-type': {
    status: 415,
    title: 'The body is of another media type',
    advice: 'The detail says which media types and encodings are taken here.',
  },
  'misdirected-request': {
    status: 421,
    title: 'The request is for another host',
    advice:
      'Without keys this service answers this machine alone: ask it as localhost, 127.0.0.1 or [::1]. API_KEYS or ' +
      'AUTH=none let it answer under any name.',
  },
  'validation-failed': {
    status: 422,
    title: 'The request breaks rules',
    advice: '`errors` lists every broken rule and where it was broken.',
  },
  'idempotency-key-reused': {
    status: 422,
    title: 'The Idempotency-Key belongs to another request',
    advice: 'Use a new key for a new request, and the old key only to repeat the old one unchanged.',
  },
  'rate-limited': {
    status: 429,
    title: 'Too many requests',
    advice:
      'Nothing was accepted: each job and each row of a batch counts. Repeat after the time in Retry-After; RateLimit ' +
      'and RateLimit-Policy say what is left.',
  },
  'batch-over-rate-limit': {
    status: 429,
    title: 'More predictions than may come in one go',
    advice:
      'None of them is kept: a batch is canceled, and would be again. Each job and each row counts: send no more at once than ' +
      'RateLimit-Policy says (`q`), and after the time in Retry-After.',
  },
  'too-many-waiting': {
    status: 429,
    title: 'Too much of this caller waits already',
    advice:
      'Nothing was accepted. Repeat after the time in Retry-After, once some of it has ended; the detail says what is full.',
  },
  'too-many-streams': {
    status: 429,
    title: 'Too many streams of this caller are open already',
    advice: 'Close some, repeat after the time in Retry-After, or poll.',
  },
  'internal-error': {
    status: 500,
    title: 'Something went wrong here',
    advice: 'The log has the details under the X-Request-Id of the answer.',
  },
  'inference-failed': {
    status: 500,
    title: 'The model gave no answer',
    advice:
      'The text says what happened to the row. GET /jobs?status=failed and GET /batches list what failed.',
  },
  'queue-full': {
    status: 503,
    title: 'Too many jobs wait already',
    advice: 'Nothing was accepted. Repeat after the time in Retry-After.',
  },
  'model-not-served': {
    status: 503,
    title: 'No worker can serve the model',
    advice:
      'Nothing was accepted. The detail says why; repeat after the time in Retry-After, or once the operator has mended it.',
  },
  'redis-unavailable': {
    status: 503,
    title: 'The store did not answer in time',
    advice: 'The request may or may not have taken effect. Repeat a submission with an Idempotency-Key.',
  },
  'not-replicated': {
    status: 503,
    title: 'Too few replicas of the store have it yet',
    advice:
      'The request may have taken effect, and a failure of the store at this moment may undo it. Repeat it after the time in ' +
      'Retry-After, a submission with the same Idempotency-Key: it is answered once the replicas have it, and done once.',
  },
  'record-unreadable': {
    status: 503,
    title: 'The job belongs to another version of this service',
    advice: 'Its record can be read by the version that wrote it.',
  },
  'streams-full': {
    status: 503,
    title: 'Too many streams are open already',
    advice: 'Repeat after the time in Retry-After, or poll.',
  },
  draining: {
    status: 503,
    title: 'This process is shutting down',
    advice: 'Nothing was accepted. Repeat on a new connection, which another process answers.',
  },
  'inference-timeout': {
    status: 504,
    title: 'The prediction did not end in time',
    advice: 'Ask again later, or with `Prefer: respond-async`, and poll what is answered.',
  },
} as const satisfies Record<string, ProblemType>;

export type ProblemCode = keyof typeof PROBLEM_TYPES;

/** The type URI of a problem: a reference that is resolved against the address of the service. */
export const problemUri = (code: ProblemCode): string => `/problems/${code}`;
