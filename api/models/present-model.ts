import type { ModelBody, ModelWorker } from '../../shared/contract/model.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { isImageColumn, isTensorColumn } from '../../shared/model/tensor-members.js';
import type { WorkerInfo } from '../../shared/workers/registry.js';
import { standingOf } from './serving.js';

/** The body of a model. `workers`: all that reported lately; undefined when that is not known. */
export function presentModel(
  manifest: Manifest,
  { isDefault, workers }: { isDefault: boolean; workers: readonly WorkerInfo[] | undefined },
): ModelBody {
  const tensors = manifest.columns
    .filter((column) => isTensorColumn(column) && !isImageColumn(column))
    .map(({ member, shape }) => [member, shape] as const);
  return {
    name: manifest.name,
    version: manifest.version,
    title: manifest.title,
    description: manifest.description,
    default: isDefault,
    input: manifest.input,
    input_shapes: tensors.length > 0 ? Object.fromEntries(tensors) : undefined,
    example: manifest.example,
    outputs: manifest.outputs.map(({ member, unit, description, shape, labels, top }) => ({
      member,
      unit,
      description,
      shape,
      labels,
      top,
    })),
    figures: manifest.figures,
    workers: workers?.flatMap((worker) => presentWorker(worker, manifest.name)),
    held_up: workers && standingOf(manifest.name, workers).heldUp,
    links: { self: `/models/${manifest.name}` },
  };
}

function presentWorker({ id, host, startedAtMs, models }: WorkerInfo, model: string): ModelWorker[] {
  return models
    .filter(({ name: served }) => served === model)
    .map((served) => ({
      id,
      host,
      started_at: new Date(startedAtMs).toISOString(),
      version: served.version,
      engine: served.engine,
      device: served.device,
      passed_over: served.passedOver,
      jobs: served.jobs,
      batches: served.batches,
      last_batch_size: served.lastBatchSize,
      mean_batch_size: served.meanBatchSize,
    }));
}
