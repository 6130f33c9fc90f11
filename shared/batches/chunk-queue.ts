/** The queue in which the chunks of a model's batches wait, beside the one of its single jobs. */
export const chunkQueueOf = (model: string): string => `${model}.chunks`;

/** What every log line about a job carries; `batch_id` where it is a chunk. Ids of single jobs have no colon. */
export function jobIds(jobId: string): { job_id: string; batch_id?: string } {
  const colon = jobId.lastIndexOf(':');
  return colon < 0 ? { job_id: jobId } : { job_id: jobId, batch_id: jobId.slice(0, colon) };
}
