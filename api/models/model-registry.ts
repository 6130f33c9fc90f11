import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import { readCatalog } from '../../shared/model/catalog.js';
import { LARGEST_BOUNDS, type SubmissionBounds } from './submission-schemas.js';
import { type ServedModels, serveModels } from './served-models.js';

/** The models that this process serves now. Whoever needs them over several steps keeps one `current`. */
export class ModelRegistry {
  readonly #dir: string;
  readonly #defaultName: string | undefined;
  readonly #most: SubmissionBounds;
  #current: ServedModels;

  /**
   * Reads the packages. `most`: what a submission may ask for. Throws when a package, or the default model's name, is
   * wrong.
   */
  constructor(dir: string, defaultName: string | undefined, most: SubmissionBounds = LARGEST_BOUNDS) {
    this.#dir = dir;
    this.#defaultName = defaultName;
    this.#most = most;
    this.#current = this.#read();
  }

  get current(): ServedModels {
    return this.#current;
  }

  /** Reads the packages again; when one is wrong, what was served goes on being served. */
  reload(log: Logger): void {
    try {
      this.#current = this.#read();
      const models = [...this.#current.byName.values()].map(({ manifest: m }) => `${m.name} ${m.version}`);
      log.info('models reloaded', { models });
    } catch (error) {
      log.error('models not reloaded: the ones read before stay', { error: messageOf(error) });
    }
  }

  #read(): ServedModels {
    return serveModels(readCatalog(this.#dir), { defaultName: this.#defaultName, most: this.#most });
  }
}
