import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/log/logger.js';
import { readCatalog, type Refusal, refusalsOf } from '../../shared/model/catalog.js';
import { LARGEST_BOUNDS, type SubmissionBounds } from './submission-schemas.js';
import { type ServedModels, serveModels } from './served-models.js';

/** The models that this process serves now. A request that needs them in several steps keeps one `current`. */
export class ModelRegistry {
  readonly #dir: string;
  readonly #defaultName: string | undefined;
  readonly #most: SubmissionBounds;
  #current: ServedModels;
  #reloadedMs = Number.NEGATIVE_INFINITY;

  /**
   * Reads the packages. `most`: what a submission may ask for. Throws when there is no package, or the default model cannot
   * be used.
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

  /** Packages that cannot be used, as clients may see them. */
  get refusals(): Refusal[] {
    return refusalsOf(this.#current.refused, this.#dir);
  }

  /** Time of the last reload, by `performance.now()`; minus infinity before the first. */
  get reloadedMs(): number {
    return this.#reloadedMs;
  }

  /** Reads the packages again; see {@link serveModels}. Without a default model everything stays as it was. */
  reload(log: Logger): void {
    const before = this.#current;
    try {
      this.#current = this.#read(before);
      this.#reloadedMs = performance.now();
      tellChanges(before, this.#current, log);
    } catch (error) {
      log.error('models not reloaded: the ones read before stay', { error: messageOf(error) });
    }
  }

  #read(before?: ServedModels): ServedModels {
    return serveModels(readCatalog(this.#dir), { defaultName: this.#defaultName, most: this.#most }, before);
  }
}

/** A line for each package that cannot be used. */
export function tellRefused({ refused, byName }: ServedModels, log: Logger): void {
  for (const [model, error] of refused) {
    const goesOn = byName.get(model)?.manifest.version;
    if (goesOn === undefined) log.error('model not served', { model, error });
    else log.error('model not reloaded, the old version goes on', { model, version: goesOn, error });
  }
}

function tellChanges(before: ServedModels, after: ServedModels, log: Logger): void {
  tellRefused(after, log);
  for (const model of new Set([...before.byName.keys(), ...after.byName.keys()])) {
    const [old, now] = [before.byName.get(model)?.manifest, after.byName.get(model)?.manifest];
    if (isDeepStrictEqual(old, now)) continue;
    if (!old) log.info('model added', { model, version: now?.version });
    else if (!now) log.info('model removed', { model, version: old.version });
    else log.info('model reloaded', { model, from: old.version, to: now.version });
  }
}
