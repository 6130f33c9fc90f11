/** The queue in which the chunks of a model's batches wait, beside the one of its single jobs. */
export const chunkQueueOf = (model: string): string => `${model}.chunks`;

/** The job that runs a chunk of a batch; its end is announced under this id. */
export const chunkJobId = (batchId: string, chunk: number): string => `${batchId}:${chunk}`;

/** Members of every log line about a job; `batch_id` where the job is a chunk, whose id has a colon. */
export function jobIds(jobId: string): { job_id: string; batch_id?: string } {
  const colon = jobId.lastIndexOf(':');
  return colon < 0 ? { job_id: jobId } : { job_id: jobId, batch_id: jobId.slice(0, colon) };
}
