import { isDeepStrictEqual } from 'node:util';
import { messageOf, ModelPackageError } from '../../shared/errors.js';
import type { InferenceOptions } from '../inference/parent/inference-process.js';
import { readModelFiles } from '../inference/parent/model-files.js';
import { type ModelVersion, startVersion } from './model-version.js';
import { Turns } from './turns.js';

/** A model that is served: its version of the moment, and the right to use it. */
export class LoadedModel {
  readonly turns = new Turns();
  #reloading: Promise<void> | undefined;
  #reloadAgain = false;
  #hasEnded = false;

  /** @param current the version of the moment, to be read once at the start of a turn; it stays the same until the turn ends */
  private constructor(
    private readonly folder: string,
    private readonly options: InferenceOptions,
    public current: ModelVersion,
  ) {}

  static async start(folder: string, options: InferenceOptions): Promise<LoadedModel> {
    return new LoadedModel(folder, options, await startVersion(await readModelFiles(folder), options));
  }

  get name(): string {
    return this.current.manifest.name;
  }

  /**
   * Reads the package again. A new version warms up beside the old one and takes over between two micro-batches;
   * one that cannot serve is logged and changes nothing; files that are the same are no new version. A call during a
   * reload makes it start over afterwards.
   */
  reload(): Promise<void> {
    this.#reloadAgain = this.#reloading !== undefined;
    this.#reloading ??= this.#reloadWhileAsked().finally(() => {
      this.#reloading = undefined;
    });
    return this.#reloading;
  }

  async end(): Promise<void> {
    this.#hasEnded = true;
    await this.#reloading;
    await this.current.inference.end();
  }

  async #reloadWhileAsked(): Promise<void> {
    do {
      this.#reloadAgain = false;
      await this.#swap();
    } while (this.#reloadAgain && !this.#hasEnded);
  }

  async #swap(): Promise<void> {
    const { log } = this.options;
    const old = this.current;
    const { name: model, version } = old.manifest;
    try {
      const files = await readModelFiles(this.folder);
      if (isDeepStrictEqual(files, old.files)) return;
      if (files.manifest.name !== model) {
        throw new ModelPackageError(this.folder, [`#/name is "${files.manifest.name}", not "${model}"`]);
      }
      const next = await startVersion(files, this.options);
      const turn = await this.turns.take('swap');
      this.current = next;
      turn.end();
      log.info('model reloaded', { model, from: version, to: next.manifest.version });
      await old.inference.end();
    } catch (error) {
      log.error('model not reloaded, the old version goes on', { model, version, error: messageOf(error) });
    }
  }
}
