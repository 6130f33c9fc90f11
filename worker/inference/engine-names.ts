/** Engines in the order in which `auto` tries them, the one that always runs last. */
export const ENGINE_NAMES = ['gpu', 'webgpu', 'node', 'wasm'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** A choice of engine: one by name, or the fastest that works. */
export const ENGINE_CHOICES = ['auto', ...ENGINE_NAMES] as const;
export type EngineChoice = (typeof ENGINE_CHOICES)[number];

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
  /** Why the model does not run as fast as the engine could; see `network-runner.ts`. */
  plainBecause?: string | undefined;
}
