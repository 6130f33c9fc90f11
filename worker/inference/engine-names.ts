import type { Manifest } from '../../shared/model/manifest.js';

/** Engines of TensorFlow.js in the order in which `auto` tries them, the one that always runs last. */
export const TF_ENGINE_NAMES = ['gpu', 'webgpu', 'node', 'wasm'] as const;
export type TfEngineName = (typeof TF_ENGINE_NAMES)[number];

/** Every engine. `onnx` alone runs packages of that format. */
export const ENGINE_NAMES = [...TF_ENGINE_NAMES, 'onnx'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** Choices among TensorFlow.js's engines: one by name, or the fastest that works. */
export const ENGINE_CHOICES = ['auto', ...TF_ENGINE_NAMES] as const;
export type EngineChoice = 'auto' | EngineName;

/** The engine to run a package on: ONNX Runtime whatever was chosen, where the package is in that format. */
export const engineFor = <C extends EngineChoice>(
  { format }: Pick<Manifest, 'format'>,
  choice: C,
): C | 'onnx' => (format === 'onnx' ? 'onnx' : choice);

/** An engine that was tried and not taken. */
export interface PassedOver {
  engine: EngineName;
  why: string;
}

/** The engine a model runs on, and why none of the others. */
export interface EngineReport {
  engine: EngineName;
  /** The processor behind it, as the engine names it. */
  device: string;
  passedOver: PassedOver[];
  /** Whether the process still holds engines that were slower: their libraries, and their memory on a GPU. */
  holdsOthers?: boolean | undefined;
  /** Why the model does not run as fast as the engine could; see `network-runner.ts`. */
  plainBecause?: string | undefined;
}
