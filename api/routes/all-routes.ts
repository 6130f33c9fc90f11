import type { Route } from './route.js';
import { batchResultsRoute } from './batch-results.js';
import { cancelBatchRoute } from './cancel-batch.js';
import { cancelJobRoute } from './cancel-job.js';
import { dashboardFileRoute, dashboardRoute } from './dashboard.js';
import { docsFileRoute, docsRoute } from './docs.js';
import { getBatchRoute } from './get-batch.js';
import { getJobRoute } from './get-job.js';
import { jobEventsRoute } from './job-events.js';
import { jobInputRoute } from './job-input.js';
import { healthRoute, liveRoute, readyRoute } from './health.js';
import { inferenceRoutes } from './inference.js';
import { listBatchesRoute } from './list-batches.js';
import { listJobsRoute } from './list-jobs.js';
import { metricsRoute } from './metrics.js';
import { getModelRoute, listModelsRoute } from './models.js';
import { openApiRoute } from './openapi.js';
import { problemTypeRoute } from './problem-types.js';
import { replayJobRoute } from './replay-job.js';
import { demandRoute, statsRoute, statsStreamRoute } from './stats.js';
import { submitBatchRoute } from './submit-batch.js';
import { submitJobRoute } from './submit-job.js';
import { tripPredictRoute } from './trip-predict.js';

/** Every route, the busiest first: Express tries them in this order. */
export function allRoutes(): Route[] {
  const operations: Route[] = [
    submitJobRoute,
    getJobRoute,
    tripPredictRoute,
    listJobsRoute,
    cancelJobRoute,
    jobInputRoute,
    replayJobRoute,
    jobEventsRoute,
    submitBatchRoute,
    getBatchRoute,
    batchResultsRoute,
    listBatchesRoute,
    cancelBatchRoute,
    statsRoute,
    demandRoute,
    statsStreamRoute,
    metricsRoute,
    healthRoute,
    liveRoute,
    readyRoute,
    listModelsRoute,
    getModelRoute,
    problemTypeRoute,
    ...inferenceRoutes,
  ];
  return [
    ...operations,
    openApiRoute(operations),
    docsRoute,
    docsFileRoute(),
    dashboardRoute,
    dashboardFileRoute(),
  ];
}
