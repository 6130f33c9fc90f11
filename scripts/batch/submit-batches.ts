import type { BatchBody, BatchRow } from '../../shared/contract/batch.js';
import type { BatchClient } from '../../shared/client/batches.js';
import { UnexpectedAnswerError } from '../../shared/client/errors.js';
import { persist } from '../../shared/client/retry.js';
import type { Part } from './part.js';
import type { RowTexts } from './row-texts.js';
import { isForgotten, MOST_RESUBMISSIONS, type SubmitOptions, type SubmittedPart } from './submitted-part.js';

/** Options of submitting batches. */
export interface SubmitBatchesOptions extends SubmitOptions {
  /** Compress what goes over the line. */
  gzip: boolean;
  /** Told of every batch. */
  onBatch: (batch: BatchBody) => void;
}

/** Submits one part after the other, each as a batch of its own. */
export async function* submitBatches(
  client: BatchClient,
  parts: AsyncIterable<Part>,
  options: SubmitBatchesOptions,
): AsyncGenerator<SubmittedPart, void, undefined> {
  for await (const part of parts) {
    const batch = await submit(client, part, options);
    yield { part, outcomes: (from) => outcomes(client, { part, batch, from }, options) };
  }
}

async function submit(client: BatchClient, part: Part, options: SubmitBatchesOptions): Promise<BatchBody> {
  const { model, runId, signal, gzip, onBatch } = options;
  const idempotencyKey = `${runId}-${part.firstRow}`;
  const batch = await persist(
    () => client.upload(bodyOf(part.inputs), { model, idempotencyKey, gzip, signal }),
    options,
  );
  onBatch(batch);
  return batch;
}

function* bodyOf(inputs: RowTexts): Generator<Uint8Array, void, undefined> {
  for (const block of inputs.blocks()) yield Buffer.from(block);
}

async function* outcomes(
  client: BatchClient,
  start: { part: Part; batch: BatchBody; from: number },
  options: SubmitBatchesOptions,
): AsyncGenerator<BatchRow[], void, undefined> {
  const { part } = start;
  let { batch, from } = start;
  for (let again = 0; ; again += 1) {
    try {
      for await (const page of client.resultPages(batch.id, { ...options, from })) {
        from += page.length;
        yield page;
      }
      break;
    } catch (error) {
      if (!isForgotten(error) || again === MOST_RESUBMISSIONS) throw error;
      batch = await submit(client, part, options);
    }
  }
  if (from !== part.inputs.length) {
    throw new UnexpectedAnswerError(
      batch.links.results,
      `${from} rows where ${part.inputs.length} were sent`,
    );
  }
}
