import { softwareVersion } from '../../shared/process/software-version.js';
import { type AnswerServer, type ScriptedAnswer, startAnswers } from '../support/answer-server.js';
import { jobView } from '../support/job-view.js';
import { waggle } from '../support/run-program.js';
import { waggleHere } from '../support/waggle-here.js';

const TRIP = ['--pu', '130', '--do', '205', '--distance', '3'];
const model = {
  name: 'm',
  version: '1.0.0',
  title: 'A model',
  default: true,
  input: { properties: { x: {}, at: {} }, required: ['x'] },
  outputs: [{ member: 'duration', unit: 'minutes' }],
  example: { x: 1 },
  workers: [{ id: 'w', version: '1.0.0', engine: 'wasm' }],
};
const succeeded = jobView({ status: 'succeeded', model_version: '1.0.0', result: { duration: 12.77 } });

let server: AnswerServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function answering(...answers: ScriptedAnswer[]): Promise<string> {
  server = await startAnswers(answers);
  return server.url;
}

describe('waggle', () => {
  it('tells what it can do, with examples', async () => {
    const { code, stdout } = await waggle(['--help']);
    expect(code).toBe(0);
    const words = ['up', 'submit', 'models', 'train', 'evaluate', 'import-linear', 'Examples:', '--pu 130'];
    for (const word of words) expect(stdout).toContain(word);
    expect(await waggleHere([])).toMatchObject({ code: 0, stdout });
  });

  it('tells more about one command', async () => {
    const { code, stdout } = await waggleHere(['help', 'submit']);
    expect(code).toBe(0);
    for (const word of ['--distance', '--input', 'WAGGLE_URL', 'WAGGLE_KEY', '--json', 'Exit code']) {
      expect(stdout).toContain(word);
    }
    expect((await waggleHere(['submit', '--help'])).stdout).toBe(stdout);
  });

  it('says which version it is', async () => {
    expect(await waggleHere(['--version'])).toMatchObject({ code: 0, stdout: `${softwareVersion()}\n` });
    expect(softwareVersion()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it('suggests what was meant', async () => {
    const { code, stderr } = await waggle(['submitt']);
    expect(code).toBe(1);
    expect(stderr).toContain('Did you mean submit?');
  });
});

describe('waggle submit', () => {
  it('submits, follows and prints a prediction with its unit', async () => {
    const url = await answering(
      { status: 202, body: jobView({ queue: { position: 7, eta_ms: 1500 } }) },
      { body: succeeded },
      { body: model },
    );
    const { code, stdout, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect(code).toBe(0);
    expect(stdout).toContain('duration  12.77 minutes');
    expect(stdout).toContain('m 1.0.0');
    expect(stderr).toContain('queued, number 7 in line, about 1.5 s to go');
    expect(JSON.parse(server?.requests[0]?.body ?? '')).toEqual({
      input: { PULocationID: 130, DOLocationID: 205, trip_distance: 3 },
    });
  });

  it('prints one JSON document as the last line with --json, and takes url and key from the environment', async () => {
    const url = await answering({ body: succeeded });
    const args = ['submit', '--json', '--model', 'm', '--request-id', 'r', '--input', '{"x":1}'];
    const { code, stdout } = await waggle(args, { WAGGLE_URL: url, WAGGLE_KEY: 'secret' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual(succeeded);
    const [request] = server?.requests ?? [];
    expect(request?.headers['authorization']).toBe('Bearer secret');
    expect(JSON.parse(request?.body ?? '')).toEqual({ input: { x: 1 }, model: 'm', request_id: 'r' });
  });

  it('names the lane and the earliest start of the job', async () => {
    const url = await answering({ body: succeeded }, { body: succeeded });
    const args = ['submit', '--json', '--url', url, '--input', '{}', '--priority', 'low'];
    await waggleHere([...args, '--delay-ms', '5']);
    await waggleHere([...args, '--not-before', '2020-01-01T00:00:00Z']);
    expect(server?.requests.map(({ body }) => JSON.parse(body))).toEqual([
      { input: {}, priority: 'low', delay_ms: 5 },
      { input: {}, priority: 'low', not_before: '2020-01-01T00:00:00Z' },
    ]);
  });

  it('fails when the job does', async () => {
    const error = { code: 'timeout' as const, message: 'it ran longer than 60000 ms' };
    const url = await answering({ body: jobView({ status: 'failed', error }) });
    const { code, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect(code).toBe(1);
    expect(stderr).toContain('failed, timeout: it ran longer than 60000 ms');
  });

  it('names every member that the server did not take', async () => {
    const errors = [
      { pointer: '#/input/x', detail: 'must be >= 0' },
      { pointer: '#/input/y', detail: 'is missing' },
    ];
    const url = await answering({ status: 422, body: { title: 'Invalid', detail: 'not valid', errors } });
    const { code, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect(code).toBe(1);
    expect(stderr).toContain('#/input/x must be >= 0\n  #/input/y is missing');
  });

  it('says how to start a server where none answers', async () => {
    const url = await answering();
    await server?.close();
    const { code, stdout, stderr } = await waggle(['submit', '--json', '--url', url, ...TRIP]);
    expect(code).toBe(1);
    expect(stderr).toContain(`no server answers at ${url}`);
    expect(stderr).toContain('npm start');
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'unreachable', message: `no answer from ${url}` } });
  });

  it.each([
    [401, 'about:blank', {}, 'WAGGLE_KEY'],
    [404, '/problems/model-not-found', {}, 'npx waggle models'],
    [503, 'about:blank', { 'retry-after': '3' }, 'try again in 3 s'],
  ])('says what to do about a %s, %s', async (status, type, headers, advice) => {
    const url = await answering({ status, headers, body: { type, title: 'No' } });
    const { code, stderr } = await waggleHere(['submit', '--outage', '1', '--url', url, ...TRIP]);
    expect(code).toBe(1);
    expect(stderr).toContain(advice);
  });

  it('waits as long as the server says when there are too many requests', async () => {
    const limited = { status: 429, headers: { 'retry-after': '1' }, body: { title: 'Too many' } };
    const url = await answering(limited, { body: succeeded }, { body: model });
    const { code, stdout, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect([code, server?.requests.length]).toEqual([0, 3]);
    expect(stderr).toContain('too many requests, trying again in 1 s');
    expect(stdout).toContain('12.77 minutes');
  });

  it('asks again with the same key where the server cannot now or the connection breaks, and says so', async () => {
    const away = {
      status: 503,
      headers: { 'retry-after': '1' },
      body: { title: 'No', detail: 'Redis is away' },
    };
    const url = await answering(away, { breaks: true }, { body: succeeded }, { body: model });
    const { code, stdout, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect([code, server?.requests.length]).toEqual([0, 4]);
    expect(stderr).toContain('Redis is away, trying again in 1 s');
    expect(stdout).toContain('12.77 minutes');
    const keys = (server?.requests ?? []).slice(0, 3).map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^"?[0-9a-f-]{36}"?$/);
  });

  it('does not wait for an hour', async () => {
    const url = await answering({
      status: 429,
      headers: { 'retry-after': '3600' },
      body: { title: 'Too many' },
    });
    const { code, stderr } = await waggleHere(['submit', '--url', url, ...TRIP]);
    expect(code).toBe(1);
    expect(stderr).toContain('try again in 3600 s');
  });

  it.each([
    [[], 'nothing to predict'],
    [['--pu', 'x'], 'It must be a number'],
    [['--input', '[1]'], 'It must be a JSON object'],
    [['--input', '{}', '--pu', '1'], 'give one of them'],
    [['--priority', 'urgent', ...TRIP], 'Allowed choices are high, normal, low'],
    [['--delay-ms', '1', '--not-before', '2020-01-01T00:00:00Z', ...TRIP], 'cannot be used with'],
    [['--url', 'localhost:8182', ...TRIP], 'http:// (or https://) is missing: write http://localhost:8182'],
    [['--url', 'http://shop:secret@localhost', ...TRIP], 'a key goes into --key'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await waggleHere(['submit', ...args]);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('waggle models', () => {
  it('lists what can be predicted, from what and by what', async () => {
    const { code, stdout } = await waggleHere([
      'models',
      '--url',
      await answering({ body: { models: [model] } }),
    ]);
    expect(code).toBe(0);
    for (const line of ['m 1.0.0 (default)', 'x, [at]', 'duration in minutes', '{"x":1}', 'wasm']) {
      expect(stdout).toContain(line);
    }
  });

  it('gives the same as JSON', async () => {
    const { stdout } = await waggleHere([
      'models',
      '--json',
      '--url',
      await answering({ body: { models: [model] } }),
    ]);
    expect(JSON.parse(stdout)).toEqual({ models: [model] });
  });
});

describe('what a person got wrong is told in a sentence, without a stack', () => {
  it.each([
    [['bench', 'foo'], /Allowed choices are compare, .*costs/],
    [['bench', 'compare', '--peers', 'python'], /Allowed choices are node, all/],
    [['models', '--key', 'two\nlines'], /the key of --key .* has spaces, line ends/],
    [['import-linear', 'nowhere.json'], /nowhere\.json.*\n?.*no such file/],
    [['batch', 'nowhere.csv', '--out', 'x.csv'], /nowhere\.csv: .*no such file/],
  ])('%j', async (args, sentence) => {
    const { code, stderr } = await waggleHere(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe('waggle bench', () => {
  it('takes each --only as one text, commas and all', async () => {
    const { code, stderr } = await waggleHere(['bench', 'growth', '--only', 'wait, 64', '--only', 'speed']);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'no measure has "wait, 64" or "speed" in its name; there are:\n  batch of 1,000 rows\n',
    );
  });
});
