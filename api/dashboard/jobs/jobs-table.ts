import { ProblemError } from '../../../shared/client/errors.js';
import type { JobBody, JobList } from '../../../shared/contract/job.js';
import { JOB_STATES } from '../../../shared/contract/states.js';
import type { StatsBody } from '../../../shared/contract/stats.js';
import { type DashboardApi, explain } from '../api.js';
import { byId, say, setChildren } from '../dom.js';
import { JobRow } from './job-row.js';

const PAGE = 20;
/** The newest page is read again so often while things happen, in ms. */
const REFRESH_MS = 2_000;

/** The table of jobs: newest first, by state, by id or by request id, page by page. */
export class JobsTable {
  readonly #api: DashboardApi;
  readonly #body = byId('jobs', HTMLTableSectionElement);
  readonly #note = byId('jobs-note', HTMLElement);
  readonly #status = byId('job-status', HTMLSelectElement);
  readonly #search = byId('job-search', HTMLInputElement);
  readonly #newer = byId('jobs-newer', HTMLButtonElement);
  readonly #older = byId('jobs-older', HTMLButtonElement);
  #rows = new Map<string, JobRow>();
  /** Cursors of the pages up to the one shown; the first page has none. */
  #cursors: (string | undefined)[] = [undefined];
  #next: string | null = null;
  #model: string | undefined;
  #seen = '';
  /** By the service's clock, as the last figures told it. */
  #nowMs = Date.now();
  #readMs = Number.NEGATIVE_INFINITY;
  #turn = 0;

  constructor(api: DashboardApi) {
    this.#api = api;
    this.#status.addEventListener('change', () => this.#restart());
    byId('job-search-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      this.#restart();
    });
    // The cross of a search field, and emptying it by hand.
    this.#search.addEventListener('input', () => this.#search.value === '' && this.#restart());
    this.#older.addEventListener('click', () => {
      if (this.#next === null) return;
      this.#cursors.push(this.#next);
      void this.#read();
    });
    this.#newer.addEventListener('click', () => {
      if (this.#cursors.length > 1) this.#cursors.pop();
      void this.#read();
    });
  }

  /** Figures have come: the newest page is read again when they say that something has happened. */
  update(stats: StatsBody, model: string | undefined): void {
    this.#nowMs = Date.parse(stats.at);
    for (const row of this.#rows.values()) row.tick(this.#nowMs);
    if (model !== this.#model) {
      this.#model = model;
      this.#restart();
      return;
    }
    const { submitted, succeeded, failed, canceled, expired } = stats.last_day;
    const seen = [submitted, succeeded, failed, canceled, expired, stats.running, stats.waiting].join(' ');
    const isDue = performance.now() - this.#readMs > REFRESH_MS - 50;
    if (seen === this.#seen || !isDue || this.#cursors.length > 1) return;
    this.#seen = seen;
    void this.#read();
  }

  /** A job has changed by what this page did. */
  refresh(): void {
    void this.#read();
  }

  #restart(): void {
    this.#cursors = [undefined];
    void this.#read();
  }

  async #read(): Promise<void> {
    this.#turn += 1;
    const turn = this.#turn;
    this.#readMs = performance.now();
    try {
      const page = await this.#find(this.#search.value.trim());
      // Something else was asked for meanwhile.
      if (turn === this.#turn) this.#show(page);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#tell(explain(error), true);
      // Read again with the next figures, whatever they say.
      this.#seen = '';
    }
  }

  async #find(text: string): Promise<JobList> {
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
      const job = await this.#findById(text.toLowerCase());
      if (job) return { jobs: [job], next_cursor: null };
    }
    const cursor = this.#cursors.at(-1);
    return this.#api.client.list({
      limit: PAGE,
      status: JOB_STATES.filter((state) => state === this.#status.value),
      ...(text === '' ? {} : { requestId: text }),
      ...(this.#model === undefined ? {} : { model: this.#model }),
      ...(cursor === undefined ? {} : { cursor }),
    });
  }

  /** Undefined when there is none: the text may be a request id that looks like an id. */
  async #findById(id: string): Promise<JobBody | undefined> {
    try {
      return await this.#api.client.get(id);
    } catch (error) {
      if (error instanceof ProblemError && [404, 410].includes(error.problem.status)) return undefined;
      throw error;
    }
  }

  #show({ jobs, next_cursor: next }: JobList): void {
    const rows = jobs.map((job) => {
      const row = this.#rows.get(job.id) ?? new JobRow(job);
      row.show(job, this.#nowMs);
      return [job.id, row] as const;
    });
    this.#rows = new Map(rows);
    setChildren(
      this.#body,
      rows.map(([, { element }]) => element),
    );
    this.#next = next;
    this.#older.disabled = next === null;
    this.#newer.disabled = this.#cursors.length === 1;
    const isFiltered = this.#search.value.trim() !== '' || this.#status.value !== '';
    if (rows.length > 0) this.#tell('', false);
    else this.#tell(isFiltered ? 'No job matches.' : 'No jobs yet: try one in the form.', false);
  }

  #tell(text: string, isError: boolean): void {
    say(this.#note, text);
    this.#note.classList.toggle('error', isError);
  }
}
