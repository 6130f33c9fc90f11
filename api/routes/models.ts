import type { ModelBody, ModelList } from '../../shared/contract/model.js';
import { RedisUnavailableError } from '../../shared/errors.js';
import type { WorkerInfo } from '../../shared/workers/registry.js';
import type { ApiContext } from '../context.js';
import type { Route } from './route.js';
import { presentModel } from '../models/present-model.js';
import { modelNamed, type ServedModel, type ServedModels } from '../models/served-models.js';
import { json, problems } from '../openapi/operation.js';

/** `GET /models`: what can be predicted. */
export const listModelsRoute: Route = {
  method: 'get',
  path: '/models',
  operation: {
    id: 'listModels',
    tag: 'models',
    summary: 'What can be predicted',
    description: 'Every model with what it takes, what it gives, an example, and the workers that run it.',
    answers: { 200: json('ModelList', 'Every model.') },
  },
  async handle(exchange, ctx) {
    const models = ctx.models.current;
    const workers = await liveWorkers(ctx);
    const list: ModelList = {
      models: [...models.byName.values()].map((model) => present(models, model, workers)),
      refused: ctx.models.refusals,
    };
    exchange.sendJson(200, list);
  },
};

/** `GET /models/{name}` */
export const getModelRoute: Route = {
  method: 'get',
  path: '/models/{name}',
  operation: {
    id: 'getModel',
    tag: 'models',
    summary: 'One model',
    description: 'What it takes and gives, an example, and the workers that run it.',
    parameters: ['ModelName'],
    answers: {
      200: json('Model', 'The model.'),
      ...problems('model-not-found'),
    },
  },
  async handle(exchange, ctx) {
    const models = ctx.models.current;
    const model = modelNamed(models, exchange.param('name'));
    exchange.sendJson(200, present(models, model, await liveWorkers(ctx)));
  },
};

type Workers = readonly WorkerInfo[] | undefined;

const present = (models: ServedModels, { manifest }: ServedModel, workers: Workers): ModelBody =>
  presentModel(manifest, { isDefault: manifest.name === models.default.manifest.name, workers });

/** The workers as Redis knows them; undefined while Redis is away. The models themselves are known without it. */
async function liveWorkers({ withinDeadline, partitions }: ApiContext): Promise<Workers> {
  try {
    return await withinDeadline('reading the workers', () => partitions.workers());
  } catch (error) {
    if (error instanceof RedisUnavailableError) return undefined;
    throw error;
  }
}
