import type { ModelBody } from '../../shared/contract/model.js';
import type { StatsQuery } from './api.js';
import { byId, setOptions } from './dom.js';

/** The choice of model and of time, at the head of the page. */
export class FilterBar {
  readonly #models = byId('model-filter', HTMLSelectElement);
  readonly #ranges = byId('range', HTMLFieldSetElement);

  constructor(onChange: () => void) {
    this.#models.addEventListener('change', onChange);
    this.#ranges.addEventListener('change', onChange);
  }

  get current(): StatsQuery {
    const chosen = this.#ranges.querySelector<HTMLInputElement>('input:checked');
    return {
      model: this.#models.value === '' ? undefined : this.#models.value,
      minutes: Number(chosen?.value ?? 15),
    };
  }

  setModels(models: readonly ModelBody[]): void {
    const choices = models.map(({ name }) => ({ value: name, label: name }));
    setOptions(this.#models, [{ value: '', label: 'All models' }, ...choices], '');
  }
}
