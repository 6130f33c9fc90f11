import { useWorkerRig } from '../support/rigs/worker-rig.js';

const rig = useWorkerRig();

it('serves what Prometheus asks: waits, micro-batches, outcomes and retries', async () => {
  const { metrics } = await rig.start();
  const served = await metrics.serve({ host: '127.0.0.1', port: 0 });
  await rig.allEnd([
    await rig.order('answer', 1),
    await rig.order('answer', 2),
    await rig.order('throw', 3),
    await rig.order('hang', 4, { timeoutMs: 50, maxAttempts: 1 }),
  ]);
  const url = `http://127.0.0.1:${served.port}/metrics`;
  const response = await fetch(url);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  const lane = 'model="faulty",lane="jobs"';
  expect(text).toContain(`waggle_worker_outcomes_total{${lane},outcome="succeeded"} 2`);
  expect(text).toContain(`waggle_worker_outcomes_total{${lane},outcome="model_error"} 1`);
  expect(text).toContain(`waggle_worker_retries_total{${lane},code="timeout"} 1`);
  expect(text).toContain(`waggle_worker_queue_wait_seconds_count{${lane}} 4`);
  expect(text).toMatch(/waggle_worker_batch_size_sum\{[^}]*lane="jobs"\} [2-9]/);
  expect(text).toMatch(
    /waggle_worker_model_info\{model="faulty",version="[^"]+",engine="[^"]+",device="[^"]*"\} 1/,
  );
  expect((await fetch(`${url}/other`)).status).toBe(404);
  await served.close();
  await expect(fetch(url)).rejects.toThrow('fetch failed');
});
