/** What a training run is told, whatever kind of model it trains. */
export interface TrainingRequest {
  /** Name of the model, also its folder's. */
  name: string;
  /** Version that the package will carry. */
  version: string;
  trainFiles: readonly string[];
  validateFiles: readonly string[];
  /** Folder the package is written to. */
  folder: string;
}
