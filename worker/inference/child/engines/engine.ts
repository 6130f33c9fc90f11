import { messageOf } from '../../../../shared/errors.js';

/** Conditions under which an engine is loaded. */
export interface EngineOptions {
  /** Wished-for cap on GPU memory; engines that cannot cap it say so. */
  gpuMemoryMb?: number | undefined;
  /** Whether a software GPU is accepted: its kernels run on the CPU, slower than the engines made for the CPU. */
  allowSoftware: boolean;
}

/** One way to run networks. */
export interface Engine {
  packages: readonly string[];
  runsOn: string;
  /** Advice for a person whose engine does not load. */
  advice: string;
  /**
   * Imports its packages and sets its backend. Resolves to the processor that it found, in words. Throws, saying why, when they
   * are missing or find no device that will do.
   */
  load(options: EngineOptions): Promise<string>;
}

/** One that is a backend of TensorFlow.js. */
export interface TfEngine extends Engine {
  /** The name by which TensorFlow.js knows it. */
  backend: string;
}

/** A device with a note, where a cap on its memory was wished for, that the engine cannot cap it. */
export const uncapped = (device: string, engine: string, gpuMemoryMb: number | undefined): string =>
  gpuMemoryMb === undefined
    ? device
    : `${device}; ${engine} has no cap: memory grows on demand past ${gpuMemoryMb} MB`;

/**
 * Imports a package that an installation may lack. Importing is the only sure test: a package can be there without the
 * native library that its installation should have fetched. The name is a value, so the build does without the types of
 * the package. Throws an error that gives the reason in one line.
 */
export async function importOptional(name: string): Promise<unknown> {
  try {
    return await import(name);
  } catch (cause) {
    const line = messageOf(cause).split('\n', 1)[0] ?? '';
    const isMissing = line.startsWith(`Cannot find package '${name}'`);
    throw new Error(`${name} ${isMissing ? 'is not installed' : `does not load (${line})`}`, { cause });
  }
}
