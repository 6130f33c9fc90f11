import { ConfigError, messageOf, ModelPackageError } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import { type ModelCatalog, readCatalog } from '../../shared/model/catalog.js';
import type { WorkerConfig } from '../config.js';
import { LoadedModel } from './loaded-model.js';

/** Configuration of the models, and who is told of them. */
export interface LoadedModelsOptions {
  config: WorkerConfig;
  log: Logger;
  /** Is called when a model's process is beyond repair. */
  onBroken: (reason: string) => void;
  /** Program of the inference processes; undefined for the worker's own. */
  inferenceEntry?: string | URL | undefined;
}

/** Every model that a worker serves: the packages it found when it started, and those dropped in since. */
export class LoadedModels {
  /** Packages that are not served, and why. */
  refused: ReadonlyMap<string, string> = new Map();
  readonly #served = new Map<string, LoadedModel>();
  #reloading: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  constructor(private readonly options: LoadedModelsOptions) {}

  /** Starts every package, each by itself. Rejects when none can serve; {@link end} is to be called then, too. */
  async start(): Promise<LoadedModel[]> {
    const started = await this.#startNew();
    if (started.length > 0) return started;
    throw new ModelPackageError(this.options.config.modelsDir, [...this.refused.values()]);
  }

  /**
   * Reads every package again; see {@link LoadedModel.reload}. Resolves with the models whose packages are new. What
   * cannot serve is logged and changes nothing.
   */
  reload(): Promise<LoadedModel[]> {
    const known = [...this.#served.values()].map((model) => model.reload());
    // One after the other, so that no package is started twice.
    const added = this.#reloading
      .then(() => this.#startNew())
      .catch((error: unknown) => {
        this.options.log.error('no new models served', { error: messageOf(error) });
        return [];
      });
    this.#reloading = added;
    return Promise.all(known).then(() => added);
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#reloading;
    await Promise.all([...this.#served.values()].map((model) => model.end()));
  }

  async #startNew(): Promise<LoadedModel[]> {
    const { config, log, onBroken, inferenceEntry } = this.options;
    const { packages, refused } = packagesToServe(config);
    // Of one that is served, the reload has said what is wrong.
    const newRefused = new Map([...refused].filter(([name]) => !this.#served.has(name)));
    const starts = [...packages].map(async ([name, { folder }]): Promise<LoadedModel[]> => {
      if (this.#hasEnded || this.#served.has(name)) return [];
      try {
        const model = await LoadedModel.start(folder, {
          entry: inferenceEntry,
          engine: config.engine,
          gpuMemoryMb: config.gpuMemoryMb,
          maxBatch: config.maxBatch,
          log,
          onGivenUp: (reason) => onBroken(`${name}: ${reason}`),
        });
        this.#served.set(name, model);
        return [model];
      } catch (error) {
        newRefused.set(name, messageOf(error));
        return [];
      }
    });
    const started = (await Promise.all(starts)).flat();
    for (const [model, error] of newRefused) log.error('model not served', { model, error });
    this.refused = newRefused;
    return started;
  }
}

/** Of the packages there are, those that this worker is to serve. */
function packagesToServe({ modelsDir, models }: WorkerConfig): ModelCatalog {
  const { packages, refused } = readCatalog(modelsDir);
  if (!models) return { packages, refused };
  const unknown = models.filter((name) => !packages.has(name) && !refused.has(name));
  if (unknown.length > 0) {
    const known = [...packages.keys(), ...refused.keys()].join(', ');
    throw new ConfigError([`MODELS names "${unknown.join('", "')}"; ${modelsDir} holds ${known}`]);
  }
  const chosen = <T>(all: ReadonlyMap<string, T>) =>
    new Map([...all].filter(([name]) => models.includes(name)));
  return { packages: chosen(packages), refused: chosen(refused) };
}
