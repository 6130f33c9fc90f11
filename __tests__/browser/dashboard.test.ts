import { readFileSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { describeInBrowser, openPage, startBrowser, type WatchedPage } from '../support/browser.js';
import { until } from '../support/latch.js';
import { type Program, startProgram } from '../support/program.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { type Service, startService } from '../support/service.js';
import { writePast } from './past.js';

const TRIP = { PULocationID: 130, DOLocationID: 205, trip_distance: 3 };
const BATCH_ROWS = 20_000;

describeInBrowser('the dashboard in Chromium', () => {
  let redis: TestRedis;
  let service: Service;
  let browser: Browser;
  const opened: WatchedPage[] = [];
  const apis: Program[] = [];

  beforeAll(async () => {
    redis = await startRedis();
    [service, browser] = await Promise.all([
      startService({ REDIS_URL: redis.url, TF_ENGINE: 'wasm' }),
      startBrowser(),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    const codes = await Promise.all(apis.map((api) => api.stop()));
    if (codes.some((code) => code !== 0)) throw new Error(`the APIs ended with ${codes.join(', ')}`);
    await service.stop();
    await redis.stop();
  });
  // Each test opens a page of its own, so that none depends on what another left behind.
  afterEach(() => Promise.all(browser.contexts().map((context) => context.close())));

  async function open(
    options: Parameters<typeof openPage>[2] = {},
    base = service.url,
  ): Promise<WatchedPage> {
    const watched = await openPage(browser, `${base}/dashboard`, options);
    opened.push(watched);
    return watched;
  }

  /** Starts another API on the same Redis. Resolves to its address. */
  async function startApi(env: Record<string, string>): Promise<string> {
    const api = startProgram('api', { REDIS_URL: redis.url, ...env });
    apis.push(api);
    return `http://127.0.0.1:${await api.ready()}`;
  }

  /** Opens it, light and wide unless told otherwise, and waits until figures are there. */
  async function openLive(options: Parameters<typeof openPage>[2] = {}): Promise<WatchedPage> {
    const watched = await open({ colorScheme: 'light', ...options });
    await isConnected(watched.page, 'live');
    return watched;
  }

  const isConnected = (page: Page, state: string) =>
    page.locator(`#connection[data-state="${state}"]`).waitFor();

  const post = async <T>(path: string, body: string, type: string): Promise<T> => {
    const response = await fetch(service.url + path, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    expect(response.status).toBe(202);
    return (await response.json()) as T;
  };
  const submit = (more: object = {}) =>
    post<{ id: string }>('/jobs', JSON.stringify({ input: TRIP, ...more }), 'application/json');

  /** While it runs, the worker takes nothing: what comes stays queued. */
  async function withFrozenWorker(work: (thaw: () => void) => Promise<void>): Promise<void> {
    const [worker] = service.pids('dist/worker/main.js');
    if (worker === undefined) throw new Error('no worker runs');
    process.kill(worker, 'SIGSTOP');
    try {
      await work(() => void process.kill(worker, 'SIGCONT'));
    } finally {
      process.kill(worker, 'SIGCONT');
    }
  }

  it('runs a prediction of its form, and shows what came of it everywhere', async () => {
    const { page, barriers, picture } = await openLive();
    const submitted = page.locator('#chart-throughput .value').first();
    const before = [await submitted.textContent(), await drawn(page)];

    await page.getByLabel('Distance').fill('7.5');
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#trial[data-status="succeeded"]').waitFor();
    expect(
      Number(
        await page
          .locator('#trial dd')
          .textContent()
          .then((text) => text?.split(' ')[0]),
      ),
    ).toBeGreaterThan(5);

    const id = (await page.locator('#trial-link').getAttribute('href'))?.replace('#job/', '') ?? '';
    await page.locator(`#jobs tr[data-id="${id}"][data-status="succeeded"]`).waitFor();
    // The chart's last point is the minute that runs: a job of the minute before is none of it.
    const hasMoved = async (): Promise<boolean> =>
      Number(await submitted.textContent()) > 0 || (await submit(), false);
    await until(hasMoved, { what: 'a chart that moves', everyMs: 2_500 });
    expect([await submitted.textContent(), await drawn(page)]).not.toEqual(before);
    expect(await drawn(page)).not.toBe(before[1]);

    await page.locator('#trial-link').click();
    const panel = page.getByRole('dialog');
    await panel.getByText('predicting').waitFor();
    await panel.getByText('7.5', { exact: true }).waitFor();
    expect(await panel.getByRole('button', { name: 'Cancel job' }).isVisible()).toBe(false);
    expect(await barriers()).toEqual([]);
    await picture('dashboard/job', { fullPage: false });
    await page.keyboard.press('Escape');
    expect(await panel.isVisible()).toBe(false);
    expect(await addressOf(page)).toBe('');
    expect(await barriers()).toEqual([]);
    await picture('dashboard/light');
  });

  it('makes the form of what the model wants, and says where an input is wrong', async () => {
    const { page } = await openLive();
    const zone = page.getByLabel('Pick-up zone');
    expect(await zone.inputValue()).toBe('130');
    expect([
      await zone.getAttribute('min'),
      await zone.getAttribute('max'),
      await zone.getAttribute('step'),
    ]).toEqual(['1', '265', '1']);
    await page.evaluate('document.querySelector("#predict").noValidate = true');
    await zone.fill('300');
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#input-PULocationID[aria-invalid="true"]').waitFor();
    expect(await page.locator('#input-PULocationID-error').textContent()).toContain('265');
    await page.locator('#predict-model').selectOption('trip-duration-linear');
    expect(await zone.getAttribute('aria-invalid')).toBe('false');
  });

  it('finds a job by its id and its request id, and leafs through pages', async () => {
    const jobs = [];
    for (let i = 0; i < 25; i += 1) jobs.push(await submit({ request_id: `ride-${i % 5}` }));
    const { page } = await openLive();
    const rows = page.locator('#jobs tr');
    await count(rows, 20);
    const newest = await rows.first().getAttribute('data-id');
    await page.getByRole('button', { name: 'Older' }).click();
    await until(async () => (await rows.first().getAttribute('data-id')) !== newest, {
      what: 'an older page',
    });
    const search = page.getByRole('searchbox');
    await search.fill(jobs[3]?.id ?? '');
    await search.press('Enter');
    await count(rows, 1);
    expect(await rows.getAttribute('data-id')).toBe(jobs[3]?.id);
    await search.fill('ride-3');
    await search.press('Enter');
    await count(rows, 5);
    await page.locator('#job-status').selectOption('failed');
    await page.getByText('No job matches.').waitFor();
    await page.locator('#job-status').selectOption('');
    await search.fill('');
    await count(rows, 20);
  });

  it('cancels a job that waits, and runs it again', async () => {
    const { page, barriers } = await openLive();
    await withFrozenWorker(async (thaw) => {
      const others = await Promise.all(Array.from({ length: 12 }, () => submit()));
      await page.getByRole('button', { name: 'Predict' }).click();
      await page.locator('#chart-queue .value').first().getByText('13', { exact: true }).waitFor();
      for (const { id } of others) await fetch(`${service.url}/jobs/${id}`, { method: 'DELETE' });
      await page.locator('#trial-queued[aria-current="step"]').waitFor();
      await page.locator('#trial-link').click();
      const panel = page.getByRole('dialog');
      await panel.getByText('place').waitFor();
      await panel.getByRole('button', { name: 'Cancel job' }).click();
      await panel.locator('.badge.state-canceled').waitFor();
      await page.locator('#trial[data-status="canceled"]').waitFor();
      const before = await addressOf(page);
      expect(await barriers()).toEqual([]);
      thaw();
      await panel.getByRole('button', { name: 'Run again' }).click();
      await panel.locator('.badge.state-succeeded').waitFor();
      expect(await addressOf(page)).not.toBe(before);
      expect(await panel.getByRole('link').getAttribute('href')).toBe(before);
    });
  });

  it('tells of a job that is gone, or never was', async () => {
    const { page } = await openLive();
    await page.evaluate('location.hash = "job/01890000-0000-7000-8000-000000000000"');
    await page.getByRole('dialog').getByRole('alert').waitFor();
    expect(await page.locator('#job-panel-error').textContent()).toMatch(/kept|gone|no job/i);
  });

  it('opens the job that the address names, however soon after another one was closed', async () => {
    const [first, second] = [await submit(), await submit()];
    const { page } = await openLive();
    const close = `document.querySelector('#job-panel-close').click()`;
    await page.evaluate(`location.hash = 'job/${first.id}'`);
    await page.getByRole('dialog').getByText(first.id).waitFor();
    await page.evaluate(`${close}; location.hash = 'job/${second.id}'`);
    await page.getByRole('dialog').getByText(second.id).waitFor();
    expect(await addressOf(page)).toBe(`#job/${second.id}`);
    await page.evaluate(close);
    expect(await addressOf(page)).toBe('');
    await page.goBack();
    await page.getByRole('dialog').getByText(second.id).waitFor();
  });

  it("fills a batch's bar as its rows are run", async () => {
    const { page, picture } = await openLive();
    const line = `${JSON.stringify(TRIP)}\n`;
    await withFrozenWorker(async (thaw) => {
      const { id } = await post<{ id: string }>('/batches', line.repeat(BATCH_ROWS), 'application/x-ndjson');
      const card = page.locator(`#batches [data-id="${id}"]`);
      await card.waitFor();
      const filled = async (): Promise<number> =>
        Number(await card.locator('progress').getAttribute('value'));
      expect(await filled()).toBe(0);
      thaw();
      await until(async () => (await progressOf(id)) > 0, { what: 'the first chunks' });
      const [worker = 0] = service.pids('dist/worker/main.js');
      process.kill(worker, 'SIGSTOP');
      const reached = await progressOf(id);
      await until(async () => (await filled()) >= reached, { what: 'a bar that is as far as the batch' });
      await picture('dashboard/batch');
      thaw();
      await card.and(page.locator('[data-status="succeeded"]')).waitFor();
      expect(await filled()).toBe(1);
    });
  });

  const progressOf = async (id: string): Promise<number> =>
    ((await (await fetch(`${service.url}/batches/${id}`)).json()) as { progress: number }).progress;

  it('warns of rows without a result, and saves results where a link could not: with the key', async () => {
    const base = await startApi({ API_KEYS: 'keeper:honey' });
    const headers = {
      authorization: 'Bearer honey',
      'content-type': 'application/x-ndjson',
      prefer: 'wait=20',
    };
    const body = `${JSON.stringify(TRIP)}\n{}\n`.repeat(3);
    const answer = await fetch(`${base}/batches`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    const { id, links } = (await answer.json()) as { id: string; links: { results: string } };
    const { page, barriers, picture } = await open({ colorScheme: 'light' }, base);
    await page.getByRole('textbox', { name: 'Key' }).fill('honey');
    await page.keyboard.press('Enter');
    const card = page.locator(`#batches [data-id="${id}"]`);
    await card.locator('.state-partial', { hasText: /^succeeded, 3 failed$/ }).waitFor();
    expect(await card.locator('.state-succeeded').count()).toBe(0);
    expect(await card.getByRole('button', { name: /Cancel/ }).count()).toBe(0);
    expect(await barriers()).toEqual([]);

    const results = card.getByRole('link', { name: 'Results' });
    const [file] = await Promise.all([page.waitForEvent('download'), results.click()]);
    expect(file.suggestedFilename()).toBe(`${id}.ndjson`);
    expect(readFileSync(await file.path(), 'utf8')).toBe(
      await (await fetch(base + links.results, { headers })).text(),
    );

    await page.route(`**${links.results}`, (route) =>
      route.fulfill({ status: 503, json: { title: 'no honey' } }),
    );
    await results.click();
    await card.getByRole('alert').filter({ hasText: 'No honey.' }).waitFor();
    await results.waitFor();
    await picture('dashboard/results');
  });

  it('says that Redis is away, and recovers', async () => {
    const base = await startApi({ REDIS_TIMEOUT_MS: '800' });
    const { page, barriers, picture } = await open({ colorScheme: 'light' }, base);
    await isConnected(page, 'live');
    redis.freeze();
    try {
      await isConnected(page, 'redis-away');
      await page.getByText(/last update \d+ s ago/).waitFor();
      await page.getByRole('heading', { name: 'Redis is away' }).waitFor();
      expect(await barriers()).toEqual([]);
      await picture('dashboard/redis-away', { fullPage: false });
    } finally {
      redis.thaw();
    }
    await isConnected(page, 'live');
    await page.getByText(/last update/).waitFor({ state: 'hidden' });
  });

  it('comes back by itself when the API was unreachable, and draws the hour before', async () => {
    const { page, barriers, picture } = await openLive();
    // What is over is read once: by the API that comes.
    await writePast(await redis.connect(), 'trip-duration', 70);
    const [api = 0] = service.pids('dist/api/main.js');
    process.kill(api, 'SIGKILL');
    await isConnected(page, 'unreachable');
    await page.getByRole('heading', { name: 'cannot be reached' }).waitFor();
    await isConnected(page, 'live');
    expect(await page.locator('#headline').getAttribute('data-mood')).toBe('good');
    await page.getByRole('radio', { name: '1 h' }).check();
    const plot = page.locator('#chart-throughput .plot');
    await plot.focus();
    // The fourth minute from the right: the last ones may have begun after the past was written.
    for (let i = 0; i < 4; i += 1) await page.keyboard.press('ArrowLeft');
    await until(async () => /submitted [3-9]\d\.\d/.test((await plot.getAttribute('aria-label')) ?? ''), {
      what: 'the rate of a minute that is over',
    });
    await plot.blur();
    await page.locator('#predict-model').selectOption('trip-duration');
    await page.getByRole('button', { name: 'Predict' }).click();
    await page.locator('#trial[data-status="succeeded"]').waitFor();
    await page.setViewportSize({ width: 1360, height: 1180 });
    // The README's: docs/dashboard.png is a copy of it.
    await picture('dashboard/overview', { fullPage: false });
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await barriers()).toEqual([]);
    await picture('dashboard/overview-dark', { fullPage: false });
    await page.setViewportSize({ width: 400, height: 800 });
    await picture('dashboard/overview-400');
  });

  it('is dark where the system is, until the button says otherwise, and fits 400 pixels', async () => {
    const { page, barriers, picture } = await openLive({
      colorScheme: 'dark',
      reducedMotion: 'reduce',
      viewport: { width: 400, height: 800 },
    });
    const background = () =>
      page.evaluate<string>('getComputedStyle(document.documentElement).backgroundColor');
    const dark = await background();
    const inked = await drawn(page);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(400);
    expect(await barriers()).toEqual([]);
    await picture('dashboard/dark-400');
    await page.setViewportSize({ width: 1360, height: 900 });
    await picture('dashboard/dark');
    await page.getByRole('button', { name: 'Dark colours' }).click();
    expect(await background()).not.toBe(dark);
    await until(async () => (await drawn(page)) !== inked, { what: 'charts in other colours' });
    await page.reload();
    await isConnected(page, 'live');
    expect(await background()).not.toBe(dark);
    expect(await barriers()).toEqual([]);
  });

  it('shows all of the range switch and of every tick, at 400 pixels and wherever the last tick falls', async () => {
    const { page } = await openLive({ viewport: { width: 400, height: 800 } });
    const heightOf = async (selector: string) => (await page.locator(selector).boundingBox())?.height ?? 0;
    expect(await heightOf('#range label >> nth=0')).toBeGreaterThanOrEqual((await heightOf('#range')) - 2);
    expect(await heightOf('#range')).toBe(await heightOf('#model-filter'));
    for (const width of [330, 740]) expect(await cutOff(page, width)).toEqual([]);
  });

  it('asks for a key where one is wanted, once, and keeps it for the tab', async () => {
    const { page, barriers } = await open({}, await startApi({ API_KEYS: 'keeper:honey' }));
    const dialog = page.getByRole('dialog', { name: 'API key' });
    await dialog.waitFor();
    expect(await barriers()).toEqual([]);
    await dialog.getByLabel('Key').fill('wax');
    await page.keyboard.press('Enter');
    await dialog.getByText('not accepted').waitFor();
    await dialog.getByLabel('Key').fill('honey');
    await page.keyboard.press('Enter');
    await isConnected(page, 'live');
    await page.locator('#input-PULocationID').waitFor();
    await page.reload();
    await isConnected(page, 'live');
    expect(await dialog.isVisible()).toBe(false);
  });

  it('can be worked without a mouse', async () => {
    const { page } = await openLive();
    await page.getByRole('radio', { name: '15 min' }).check();
    await page.reload();
    await isConnected(page, 'live');
    await page.keyboard.press('Tab');
    expect(await focused(page)).toBe('To the content');
    await page.keyboard.press('Enter');
    await page.locator('#range input').first().focus();
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#range input:checked').inputValue()).toBe('60');
    const plot = page.locator('#chart-throughput .plot');
    const latest = await plot.getAttribute('aria-label');
    await plot.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await until(async () => (await plot.getAttribute('aria-label')) !== latest, { what: 'an earlier value' });
  });

  it('asked nobody but this service for anything all the while, and kept to its own policy', () => {
    const local = new URL(service.url).hostname;
    const hosts = new Set(opened.flatMap((watched) => [...watched.hosts]));
    expect([...hosts].filter((host) => !host.startsWith(`${local}:`))).toEqual([]);
    expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
  });
});

/** What the first chart looks like. */
const drawn = (page: Page): Promise<string> =>
  page.evaluate<string>('document.querySelector("#chart-throughput canvas").toDataURL()');

/** The texts that a chart of five minutes that ends with a tick writes beyond its own edges. */
const cutOff = (page: Page, width: number): Promise<string[]> =>
  page.evaluate<string[]>(`(async () => {
    const { Chart } = await import('/dashboard/api/dashboard/charts/chart.js');
    const { COUNTS } = await import('/dashboard/api/dashboard/charts/axis.js');
    const box = document.body.appendChild(document.createElement('div'));
    box.id = 'chart-edge';
    box.style.width = '${width}px';
    const chart = new Chart('edge', { lines: [{ label: '', colour: 'rows' }], format: String, axis: COUNTS });
    const pen = box.querySelector('canvas').getContext('2d');
    const written = [];
    pen.fillText = (text, x, y) => {
      const { actualBoundingBoxLeft: left, actualBoundingBoxRight: right } = pen.measureText(text);
      written.push({ text, isWithin: x - left >= 0 && x + right <= pen.canvas.width });
    };
    chart.show([[1770000000 - 300, 1770000000], [0, 0]]);
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    box.remove();
    if (written.length < 4) throw new Error('a chart without ticks');
    return written.filter(({ isWithin }) => !isWithin).map(({ text }) => text);
  })()`);

/** The # of its address, and what stands behind it. (Playwright hears later than the page of what the page does to it.) */
const addressOf = (page: Page): Promise<string> => page.evaluate<string>('location.hash');

const focused = (page: Page): Promise<string> => page.evaluate<string>('document.activeElement.textContent');

const count = (rows: Locator, wanted: number) =>
  until(async () => (await rows.count()) === wanted, { what: `${wanted} lines` });
