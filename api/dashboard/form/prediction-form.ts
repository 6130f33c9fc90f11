import type { FieldProblem } from '../../../shared/contract/problem.js';
import { ProblemError } from '../../../shared/client/errors.js';
import type { JobBody } from '../../../shared/contract/job.js';
import type { ModelBody } from '../../../shared/contract/model.js';
import { type DashboardApi, explain } from '../api.js';
import { byId, say, setOptions, setText } from '../dom.js';
import { followJob } from '../jobs/follow-job.js';
import { createField, type Field } from './field.js';
import { membersOf } from './schema.js';
import { Trial } from './trial.js';

/** The form that tries a prediction, made from what the model says of its input. */
export class PredictionForm {
  readonly #api: DashboardApi;
  readonly #onSubmitted: () => void;
  readonly #form = byId('predict', HTMLFormElement);
  readonly #model = byId('predict-model', HTMLSelectElement);
  readonly #about = byId('predict-about', HTMLElement);
  readonly #fields = byId('predict-fields', HTMLElement);
  readonly #submit = byId('predict-submit', HTMLButtonElement);
  readonly #error = byId('predict-error', HTMLElement);
  readonly #trial = new Trial();
  #models: readonly ModelBody[] = [];
  #shown: { model: ModelBody; fields: Field[] } | undefined;
  #following = new AbortController();

  /** `onSubmitted` is told when a job was accepted, and when it has ended. */
  constructor(api: DashboardApi, onSubmitted: () => void) {
    this.#api = api;
    this.#onSubmitted = onSubmitted;
    this.#model.addEventListener('change', () => this.#show());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#run();
    });
  }

  /** Models may come and change while the page is open; what is being filled in stays while its model does. */
  setModels(models: readonly ModelBody[]): void {
    this.#models = models;
    const first = models.find((model) => model.default)?.name ?? '';
    setOptions(
      this.#model,
      models.map(({ name, title }) => ({ value: name, label: title ?? name })),
      first,
    );
    if (models.length === 0) this.#submit.disabled = true;
    else if (!this.#shown) this.#submit.disabled = false;
    this.#show();
  }

  #show(): void {
    const model = this.#models.find(({ name }) => name === this.#model.value);
    if (!model) return;
    const { model: before } = this.#shown ?? {};
    if (before?.name === model.name && before.version === model.version) return;
    const members = membersOf(model.input, model.input_shapes);
    const fields = members.map((member) => createField(member, model.example?.[member.name]));
    this.#shown = { model, fields };
    setText(this.#about, model.description ?? '');
    this.#fields.replaceChildren(...fields.map(({ element }) => element));
    this.#fail('', []);
  }

  async #run(): Promise<void> {
    if (!this.#shown) return;
    const { model, fields } = this.#shown;
    this.#fail('', []);
    this.#following.abort();
    this.#following = new AbortController();
    const { signal } = this.#following;
    this.#submit.disabled = true;
    try {
      const input = Object.fromEntries((await Promise.all(fields.map(entryOf))).flat());
      const job = await this.#api.client.submit({ model: model.name, input }, { signal });
      this.#submit.disabled = false;
      this.#trial.show(job, model);
      this.#onSubmitted();
      await followJob(this.#api, job.id, { signal, onJob: (now: JobBody) => this.#trial.show(now, model) });
      this.#onSubmitted();
    } catch (error) {
      if (signal.aborted) return;
      // What is wrong with the text of a field stands beside it by now.
      if (error instanceof ProblemError) this.#fail(explain(error), error.problem.errors);
      else say(this.#error, explain(error));
    } finally {
      this.#submit.disabled = false;
    }
  }

  #fail(why: string, problems: readonly FieldProblem[]): void {
    const fields = this.#shown?.fields ?? [];
    for (const field of fields) {
      field.fail(problems.find(({ pointer }) => pointer === `#/input/${field.name}`)?.detail ?? '');
    }
    const isElsewhere = problems.some(
      ({ pointer }) => !fields.some(({ name }) => pointer === `#/input/${name}`),
    );
    say(this.#error, problems.length > 0 && !isElsewhere ? 'Some values are not accepted.' : why);
  }
}

/** The name and the value of a field; nothing when it is left out. Rejects with the name of one that is no value. */
async function entryOf(field: Field): Promise<[string, unknown][]> {
  try {
    const value = await field.read();
    return value === undefined ? [] : [[field.name, value]];
  } catch (cause) {
    field.fail(cause instanceof Error ? cause.message : String(cause));
    throw new Error(`${field.name} cannot be read.`, { cause });
  }
}
