import { ConfigError, messageOf } from '../shared/errors.js';
import type { Logger } from '../shared/log/logger.js';
import { type ModelPackage, readCatalog } from '../shared/model/catalog.js';
import type { WorkerConfig } from './config.js';
import { ServedModel } from './served-model.js';

/** What the models of a worker are started with. */
export interface ServedModelsOptions {
  config: WorkerConfig;
  log: Logger;
  /** Told when a model's process is beyond repair. */
  onBroken: (reason: string) => void;
  /** Program of the inference processes; undefined for the worker's own. */
  inferenceEntry?: string | URL | undefined;
}

/** Every model that a worker serves: the packages it found when it started, and those dropped in since. */
export class ServedModels {
  readonly #options: ServedModelsOptions;
  readonly #served = new Map<string, ServedModel>();
  #reloading: Promise<unknown> = Promise.resolve();
  #hasEnded = false;

  constructor(options: ServedModelsOptions) {
    this.#options = options;
  }

  /** Starts every package. Rejects when one cannot serve; {@link end} is to be called then, too. */
  async start(): Promise<ServedModel[]> {
    const starts = packagesToServe(this.#options.config).map((found) => this.#start(found));
    // All of them, so that none is still starting when another's failure ends this worker.
    await Promise.allSettled(starts);
    return Promise.all(starts);
  }

  /**
   * Reads every package again; see {@link ServedModel.reload}. Resolves with the models whose packages are new. What
   * cannot serve is logged and changes nothing.
   */
  reload(): Promise<ServedModel[]> {
    const known = [...this.#served.values()].map((model) => model.reload());
    // One after the other, so that no package is started twice.
    const added = this.#reloading.then(() => this.#startNew());
    this.#reloading = added;
    return Promise.all(known).then(() => added);
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#reloading;
    await Promise.all([...this.#served.values()].map((model) => model.end()));
  }

  async #startNew(): Promise<ServedModel[]> {
    const { config, log } = this.#options;
    try {
      const found = packagesToServe(config).filter(({ manifest }) => !this.#served.has(manifest.name));
      const starts = this.#hasEnded ? [] : found.map((one) => this.#start(one));
      const started = await Promise.allSettled(starts);
      return started.flatMap((start) => {
        if (start.status === 'fulfilled') return [start.value];
        log.error('new model not served', { error: messageOf(start.reason) });
        return [];
      });
    } catch (error) {
      log.error('no new models served', { error: messageOf(error) });
      return [];
    }
  }

  async #start({ folder, manifest }: ModelPackage): Promise<ServedModel> {
    const { config, log, onBroken, inferenceEntry } = this.#options;
    const model = await ServedModel.start(folder, {
      ...(inferenceEntry === undefined ? {} : { entry: inferenceEntry }),
      engine: config.engine,
      gpuMemoryMb: config.gpuMemoryMb,
      log,
      onGivenUp: (reason) => onBroken(`${manifest.name}: ${reason}`),
    });
    this.#served.set(manifest.name, model);
    return model;
  }
}

function packagesToServe({ modelsDir, models }: WorkerConfig): ModelPackage[] {
  const catalog = readCatalog(modelsDir);
  if (!models) return [...catalog.values()];
  return models.map((name) => {
    const found = catalog.get(name);
    if (found) return found;
    throw new ConfigError([`MODELS names "${name}"; ${modelsDir} holds ${[...catalog.keys()].join(', ')}`]);
  });
}
