import { isRecord } from '../text/is-record.js';

/** A model as the API shows it. */
export interface ModelDescription {
  name: string;
  version: string;
  title?: string;
  description?: string;
  /** JSON Schema of one input. */
  input: Record<string, unknown>;
  /** Whether it answers requests that name no model. */
  default?: boolean;
  /** A valid input. */
  example?: Record<string, unknown>;
  outputs: { member: string; unit?: string; description?: string }[];
  /** Of its training and validation. */
  figures?: Record<string, unknown>;
  /** Why no job of it runs. */
  held_up?: string;
  /** Who runs it; absent when that is not known. */
  workers?: {
    id: string;
    version: string;
    engine: string;
    /** Engines that were tried before this one. */
    passed_over?: { engine: string; why: string }[];
  }[];
}

/** Whether a server's answer is a model, as far as this client relies on it. */
export const isModelDescription = (value: unknown): value is ModelDescription =>
  isRecord(value) &&
  typeof value['name'] === 'string' &&
  typeof value['version'] === 'string' &&
  isRecord(value['input']) &&
  Array.isArray(value['outputs']);

/** Whether a server's answer is a list of models. */
export const isModelList = (value: unknown): value is { models: ModelDescription[] } =>
  isRecord(value) && Array.isArray(value['models']) && value['models'].every(isModelDescription);
