import type { ModelRuntime } from '../../../worker/inference/child/model-runtime.js';

/** A model's first output for one input, as the service would ask for it. */
export async function predictOne(model: ModelRuntime, input: Record<string, unknown>): Promise<number> {
  const batch = model.layout.allocate(1);
  model.layout.write(batch, 0, input);
  return (await model.predict(batch)).outputs[0]![0]!;
}
