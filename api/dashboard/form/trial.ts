import { isEnded } from '../../../shared/client/bodies.js';
import type { JobBody } from '../../../shared/contract/job.js';
import type { ModelBody } from '../../../shared/contract/model.js';
import { byId, h, setText } from '../dom.js';
import { formatMs, formatPlace } from '../format.js';
import { results } from '../jobs/job-facts.js';

const STEPS = ['queued', 'running', 'done'] as const;

/** The step of {@link STEPS} at which a job is. */
function placeOf(job: JobBody): number {
  if (isEnded(job)) return 2;
  return job.status === 'queued' ? 0 : 1;
}

/** The job that was submitted with the form, moving through its states. */
export class Trial {
  readonly #box = byId('trial', HTMLElement);
  readonly #steps = STEPS.map((name) => byId(`trial-${name}`, HTMLLIElement));
  readonly #outcome = byId('trial-outcome', HTMLElement);
  readonly #note = byId('trial-note', HTMLElement);
  readonly #link = byId('trial-link', HTMLAnchorElement);

  show(job: JobBody, model: ModelBody): void {
    const place = placeOf(job);
    this.#box.hidden = false;
    this.#box.dataset['status'] = job.status;
    this.#steps.forEach((step, i) => {
      step.className = `step ${stepState(i, place, job)}`;
      if (i === place) step.setAttribute('aria-current', 'step');
      else step.removeAttribute('aria-current');
    });
    const last = this.#steps.at(-1)?.querySelector('strong');
    if (last) setText(last, isEnded(job) ? job.status : 'done');
    this.#outcome.replaceChildren(...outcomeOf(job, model));
    setText(this.#note, noteOf(job));
    this.#link.href = `#job/${job.id}`;
  }
}

function stepState(step: number, place: number, job: JobBody): string {
  const hasEnded = isEnded(job);
  if (step === 1 && hasEnded && job.started_at === undefined) return 'skipped';
  if (step < place || (step === place && hasEnded)) return 'done';
  return step === place ? 'now' : 'next';
}

function outcomeOf({ result, error }: JobBody, model: ModelBody): HTMLElement[] {
  if (result) return [results(result, model)];
  if (error) return [h('p', { class: 'error' }, `${error.code}: ${error.message}`)];
  return [];
}

function noteOf({ timings, queue }: JobBody): string {
  if (timings?.total_ms !== undefined) {
    const inModel =
      timings.model_predict_ms === undefined
        ? ''
        : `, ${formatMs(timings.model_predict_ms)} of it in the model`;
    return `${formatMs(timings.total_ms)} from submission to result${inModel}.`;
  }
  return queue ? `Waits: ${formatPlace(queue)}.` : '';
}
