/** The queue in which the chunks of a model's batches wait, beside the one of its single jobs. */
export const chunkQueueOf = (model: string): string => `${model}.chunks`;
