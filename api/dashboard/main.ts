import { pause } from '../../shared/process/pause.js';
import { ApiKey } from './api-key.js';
import { DashboardApi } from './api.js';
import { Batches } from './batches.js';
import { Charts } from './charts/charts.js';
import { ConnectionLine } from './connection-line.js';
import { FilterBar } from './filters.js';
import { PredictionForm } from './form/prediction-form.js';
import { JobPanel } from './jobs/job-panel.js';
import { JobsTable } from './jobs/jobs-table.js';
import { followStats } from './live-stats.js';
import { showOverview, showTrouble } from './overview.js';
import { setUpTheme } from './theme.js';
import { WorkersTable } from './workers.js';
import type { StatsBody } from '../../shared/contract/stats.js';

/** Time between two looks at the models, which change seldom, in ms. */
const MODELS_EVERY_MS = 20_000;
const MODELS_RETRY_MS = 2_000;

const api = new DashboardApi(new ApiKey());
const charts = new Charts(api);
setUpTheme(() => charts.recolour());

const jobs = new JobsTable(api);
const panel = new JobPanel(api, () => jobs.refresh());
const form = new PredictionForm(api, () => jobs.refresh());
const batches = new Batches(api);
const workers = new WorkersTable();
const connection = new ConnectionLine(() => api.key.reconsider());
let latest: StatsBody | undefined;
const filters = new FilterBar(() => latest && show(latest));

function show(stats: StatsBody): void {
  latest = stats;
  const query = filters.current;
  const { model } = query;
  showOverview(stats, model);
  workers.show(stats, model);
  charts.show(stats, query);
  batches.update(stats, model);
  jobs.update(stats, model);
}

async function followModels(): Promise<never> {
  for (;;) {
    try {
      const models = await api.client.models();
      for (const part of [filters, form, panel, workers]) part.setModels(models);
      await pause(MODELS_EVERY_MS);
    } catch {
      // Said by the line in the head of the page.
      await pause(MODELS_RETRY_MS);
    }
  }
}

panel.open();
void followModels();
void followStats(api, {
  onStats: (stats) => {
    connection.updated();
    show(stats);
  },
  onConnection: (state) => {
    connection.set(state);
    if (state !== 'live' && state !== 'connecting') showTrouble(state);
  },
});
