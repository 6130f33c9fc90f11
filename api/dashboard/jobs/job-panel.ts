import type { JobBody } from '../../../shared/contract/job.js';
import type { ModelBody } from '../../../shared/contract/model.js';
import type { JobState } from '../../../shared/contract/states.js';
import { type DashboardApi, explain } from '../api.js';
import { badge } from '../badge.js';
import { byId, say, setText } from '../dom.js';
import { followJob } from './follow-job.js';
import { jobFacts } from './job-facts.js';

const REPLAYABLE: ReadonlySet<JobState> = new Set(['failed', 'expired', 'canceled']);

/**
 * One job in full, at the side: open while the address ends in `#job/<id>`. The address alone decides: whatever closes the
 * panel changes the address first. (The dialog's `close` event comes later, when the address may name the next job.)
 */
export class JobPanel {
  readonly #api: DashboardApi;
  readonly #onChange: () => void;
  readonly #dialog = byId('job-panel', HTMLDialogElement);
  readonly #state = byId('job-panel-state', HTMLElement);
  readonly #id = byId('job-panel-id', HTMLElement);
  readonly #facts = byId('job-panel-facts', HTMLElement);
  readonly #error = byId('job-panel-error', HTMLElement);
  readonly #cancel = byId('job-cancel', HTMLButtonElement);
  readonly #replay = byId('job-replay', HTMLButtonElement);
  #following = new AbortController();
  #models: readonly ModelBody[] = [];

  /** `onChange` is told when a job was canceled or run again here. */
  constructor(api: DashboardApi, onChange: () => void) {
    this.#api = api;
    this.#onChange = onChange;
    addEventListener('hashchange', () => this.open());
    byId('job-panel-close', HTMLButtonElement).addEventListener('click', () => this.#leave());
    // A click beside the panel lands on the dialog itself, for its content fills it.
    this.#dialog.addEventListener('click', (event) => event.target === this.#dialog && this.#leave());
    this.#dialog.addEventListener('cancel', () => this.#leave());
    this.#cancel.addEventListener('click', () => void this.#act((id) => api.client.cancel(id)));
    this.#replay.addEventListener('click', () => {
      void this.#act(async (id) => {
        const job = await api.client.replay(id);
        // The user may have closed the panel meanwhile, or opened another job: the panel stays as it is.
        if (idInAddress() === id) location.hash = `job/${job.id}`;
      });
    });
  }

  setModels(models: readonly ModelBody[]): void {
    this.#models = models;
  }

  #leave(): void {
    history.pushState(null, '', location.pathname + location.search);
    this.open();
  }

  /** Shows the job that the address names; closes the panel where it names none. */
  open(): void {
    const id = idInAddress();
    this.#following.abort();
    if (id === undefined) {
      if (this.#dialog.open) this.#dialog.close();
      return;
    }
    setText(this.#id, id);
    say(this.#error, '');
    this.#state.replaceChildren();
    this.#facts.replaceChildren();
    this.#cancel.hidden = true;
    this.#replay.hidden = true;
    if (!this.#dialog.open) this.#dialog.showModal();
    void this.#follow(id);
  }

  async #follow(id: string): Promise<void> {
    this.#following = new AbortController();
    const { signal } = this.#following;
    try {
      await followJob(this.#api, id, { signal, onJob: (job) => !signal.aborted && this.#show(job) });
    } catch (error) {
      if (!signal.aborted) say(this.#error, explain(error));
    }
  }

  #show(job: JobBody): void {
    this.#state.replaceChildren(badge(job.status));
    this.#facts.replaceChildren(
      ...jobFacts(
        job,
        this.#models.find(({ name }) => name === job.model),
        () => this.#api.client.input(job.id),
      ),
    );
    this.#cancel.hidden = job.links.cancel === undefined || job.status === 'canceling';
    this.#replay.hidden = !REPLAYABLE.has(job.status);
  }

  async #act(action: (id: string) => Promise<unknown>): Promise<void> {
    const id = idInAddress();
    if (id === undefined) return;
    say(this.#error, '');
    this.#cancel.disabled = true;
    this.#replay.disabled = true;
    try {
      await action(id);
    } catch (error) {
      say(this.#error, explain(error));
    } finally {
      this.#cancel.disabled = false;
      this.#replay.disabled = false;
      this.#onChange();
    }
  }
}

const idInAddress = (): string | undefined => /^#job\/([\w-]+)$/.exec(location.hash)?.[1];
