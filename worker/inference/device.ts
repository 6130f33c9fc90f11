/** The processor that an engine found. */
export interface Device {
  description: string;
  /** What became of a wish for a cap on GPU memory. */
  memory?: string;
}

/** What an engine is loaded with. */
export interface EngineOptions {
  /** Wished-for cap on GPU memory; engines that cannot cap it say so. */
  gpuMemoryMb: number | undefined;
  /** Whether a GPU in name only will do: one whose kernels run on the CPU, slower than the engines made for it. */
  allowSoftware: boolean;
}
