import request from 'supertest';
import { announceWorker } from '../../shared/workers/registry.js';
import { openApiRig, TRIP, useApiRig } from '../support/rigs/api-rig.js';
import { LINEAR, SHOP, writeModel } from '../support/rigs/models-folder.js';

const api = useApiRig();

describe('health', () => {
  it('has exactly the three members of the original service', async () => {
    const { status, body } = await api.call('get', '/health');
    expect(status).toBe(200);
    expect(body).toEqual({
      name: 'TRIP DURATION MODEL PREDICTION API',
      api_version: 'v1',
      model_version: '1.0.0',
    });
  });

  it('has the configured name and versions', async () => {
    const env = { SERVICE_NAME: 'Ours', API_VERSION: 'v9', MODEL_VERSION: 'best' };
    const own = await openApiRig(api.server, { env });
    expect((await own.call('get', '/health')).body).toEqual({
      name: 'Ours',
      api_version: 'v9',
      model_version: 'best',
    });
    await own.close();
  });

  it('is live, and ready with every check by name, a worker or none', async () => {
    expect((await api.call('get', '/health/live')).status).toBe(200);
    const { status, body } = await api.call('get', '/health/ready');
    expect([status, body.status]).toEqual([200, 'ok']);
    expect(body.checks).toEqual({
      redis: { ok: true, required: true },
      accepting: { ok: true, required: true },
      model: { ok: true, required: true, detail: `${LINEAR} 1.0.0` },
      workers: { ok: false, required: false, detail: `0 serve ${LINEAR}` },
    });
  });

  it('is not ready while it drains', async () => {
    const own = await openApiRig(api.server);
    own.drain();
    const { status, body } = await own.call('get', '/health/ready');
    expect([status, body.checks.accepting.ok]).toEqual([503, false]);
    expect((await own.call('get', '/health/live')).status).toBe(200);
    await own.close();
  });
});

describe('models', () => {
  it('are listed with what they take, what they give and who runs them', async () => {
    await announceWorker(api.ctx.partitions.home.records, {
      id: 'w1',
      host: 'here',
      pid: 1,
      startedAtMs: Date.now(),
      models: [
        {
          name: LINEAR,
          version: '1.0.0',
          format: 'tfjs-layers',
          engine: 'wasm',
          device: 'the processor',
          passedOver: [{ engine: 'gpu', why: 'there is none' }],
          jobs: 5,
          batches: 2,
          lastBatchSize: 3,
          meanBatchSize: 2.5,
        },
      ],
    });
    const { body } = await api.call('get', '/models');
    expect(body.models.map(({ name }: { name: string }) => name)).toEqual([SHOP, LINEAR]);
    const [shop, linear] = body.models;
    expect([shop.default, linear.default]).toEqual([false, true]);
    expect(linear).toMatchObject({
      version: '1.0.0',
      example: TRIP,
      outputs: [{ member: 'duration', unit: 'minutes' }],
      workers: [{ id: 'w1', engine: 'wasm', version: '1.0.0', mean_batch_size: 2.5 }],
    });
    expect(shop.workers).toEqual([]);
    expect((await api.call('get', `/models/${LINEAR}`)).body).toEqual(linear);
    expect((await api.call('get', '/health/ready')).body.checks.workers.ok).toBe(true);
  });

  it('are 404 by another name', async () => {
    const { status, body } = await api.call('get', '/models/weather');
    expect([status, body.type]).toEqual([404, '/problems/model-not-found']);
  });

  it('are read again when asked for, and kept when they have gone wrong', async () => {
    const own = await openApiRig(api.server);
    const { dir } = own.ctx.config.models;
    writeModel(dir, SHOP, '2.1.0');
    own.ctx.models.reload(own.ctx.log);
    expect((await own.call('get', `/models/${SHOP}`)).body.version).toBe('2.1.0');
    writeModel(dir, SHOP, 'newest');
    own.ctx.models.reload({ ...own.ctx.log, error: () => undefined });
    expect((await own.call('get', `/models/${SHOP}`)).body.version).toBe('2.1.0');
    await own.close();
  });

  it('tell the shapes of tensors, and the labels that they answer', async () => {
    const own = await openApiRig(api.server);
    const labels = ['cat', 'dog', 'bee'];
    const input = {
      type: 'object',
      properties: { face: { type: 'string' }, age: { type: 'integer' } },
      additionalProperties: false,
    };
    const outputs = [
      { member: 'kind', labels, top: 2 },
      { member: 'map', shape: [2, 2] },
    ];
    writeModel(own.ctx.config.models.dir, SHOP, '3.0.0', {
      input,
      example: { face: 'AAAA' },
      columns: [
        { member: 'face', encoding: 'base64', tensor: 'face', shape: [1, 3, 1] },
        { member: 'age', encoding: 'integer', tensor: 'age' },
      ],
      outputs: outputs.map((output) => ({ ...output, tensor: output.member })),
    });
    own.ctx.models.reload(own.ctx.log);
    const { body } = await own.call('get', `/models/${SHOP}`);
    expect([body.version, body.input_shapes, body.outputs]).toEqual(['3.0.0', { face: [1, 3, 1] }, outputs]);
    await own.close();
  });
});

describe('the document', () => {
  it('is OpenAPI 3.1 with the input of every model', async () => {
    const { body, headers } = await request(api.url).get('/openapi.json');
    expect(body.openapi).toMatch(/^3\.1\./);
    expect(body.components.schemas[`${SHOP}.input`].properties.size).toEqual({
      type: 'string',
      enum: ['s', 'm', 'l'],
    });
    expect(body.components.schemas.NamedSubmission.discriminator.propertyName).toBe('model');
    expect(Object.keys(body.paths)).toEqual(
      expect.arrayContaining(['/jobs', '/jobs/{id}', '/v1/trip/predict', '/health', '/models/{name}']),
    );
    const again = await request(api.url)
      .get('/openapi.json')
      .set('If-None-Match', headers['etag'] ?? '');
    expect(again.status).toBe(304);
  });

  it('refers to nothing that it does not hold', async () => {
    const { body, text } = await request(api.url).get('/openapi.json');
    const references = new Set([...text.matchAll(/"(#\/[^"]+)"/g)].map((match) => match[1] ?? ''));
    expect(references.size).toBeGreaterThan(20);
    for (const reference of references) {
      const target = reference
        .slice(2)
        .split('/')
        .reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], body);
      expect([reference, typeof target]).toEqual([reference, 'object']);
    }
  });

  it('changes with the models', async () => {
    const own = await openApiRig(api.server);
    const versionOf = async (): Promise<unknown> =>
      (await request(own.url).get('/openapi.json')).body.components.schemas[`${SHOP}2.input`];
    expect(await versionOf()).toBeUndefined();
    writeModel(own.ctx.config.models.dir, `${SHOP}2`, '1.0.0');
    own.ctx.models.reload(own.ctx.log);
    expect(await versionOf()).toBeDefined();
    await own.close();
  });
});

describe('the reference page', () => {
  it('loads everything from here, under a policy that allows nothing else', async () => {
    const page = await request(api.url).get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const policy = page.headers['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe-|https?:/);
    expect(page.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page.text).not.toMatch(/<script>|<style|style=|onload=/);
    for (const [, file] of page.text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await request(api.url).get(file ?? '')).status).toBe(200);
    }
  });

  it('has whole files, whatever part of them is asked for, and says when a condition fails', async () => {
    const file = '/docs/favicon-32x32.png';
    const whole = await request(api.url).get(file);
    const part = await request(api.url).get(file).set('Range', 'bytes=999999999-');
    expect([part.status, part.body]).toEqual([200, whole.body]);
    const same = await request(api.url)
      .get(file)
      .set('If-Modified-Since', whole.headers['last-modified'] ?? '');
    expect(same.status).toBe(304);
    const other = await request(api.url).get(file).set('If-Match', '"another"');
    expect([other.status, other.body.type]).toEqual([412, '/problems/precondition-failed']);
  });

  it('gives out no other file', async () => {
    for (const file of ['package.json', '..%2f..%2fpackage.json', 'index.html']) {
      expect((await request(api.url).get(`/docs/${file}`)).status).toBe(404);
    }
  });
});

describe('every answer', () => {
  it('echoes a usable X-Request-Id and makes one otherwise', async () => {
    const mine = await api.call('get', '/health', { headers: { 'X-Request-Id': 'mine-1' } });
    expect(mine.headers['x-request-id']).toBe('mine-1');
    for (const unusable of ['two words', 'x'.repeat(129)]) {
      const { headers } = await api.call('get', '/health', { headers: { 'X-Request-Id': unusable } });
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
    expect((await api.call('get', '/nowhere')).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('carries the headers that keep browsers from guessing, and none that tell of the software', async () => {
    for (const path of ['/health', '/jobs/x', '/docs', '/docs/swagger-ui.css']) {
      const { headers } = await request(api.url).get(path);
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'SAMEORIGIN' });
      expect(headers).toHaveProperty('content-security-policy');
      expect(headers).not.toHaveProperty('x-powered-by');
      expect(headers).not.toHaveProperty('access-control-allow-origin');
    }
  });
});

describe('what is not there', () => {
  it('is a 404 problem', async () => {
    const { status, body, headers } = await request(api.url).get('/nowhere');
    expect([status, body.type, headers['content-type']]).toEqual([
      404,
      '/problems/not-found',
      'application/problem+json',
    ]);
  });

  it('is a 405 problem with Allow for another method, and OPTIONS tells of them', async () => {
    const put = await request(api.url).put('/jobs');
    expect([put.status, put.headers['allow']]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
    const options = await request(api.url).options('/jobs/x');
    expect([options.status, options.headers['allow']]).toEqual([204, 'GET, HEAD, DELETE, OPTIONS']);
  });

  it('has a type that leads to its description', async () => {
    const { body: problem } = await request(api.url).get('/nowhere');
    const { status, body } = await api.call('get', problem.type);
    expect(status).toBe(200);
    expect(body).toMatchObject({ type: problem.type, title: problem.title, status: 404 });
    expect((await api.call('get', '/problems/none')).status).toBe(404);
  });
});
