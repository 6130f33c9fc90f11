import { createLogger } from '../../shared/log/logger.js';
import { until } from '../support/latch.js';
import { openApiRig, TRIP } from '../support/rigs/api-rig.js';
import { useRedis } from '../support/rigs/use-redis.js';

const SECRET = 'hush-hush-0123456789';
const GUESS = 'guess-guess-0123456789';
const server = useRedis();

/** What is printed while something is done. */
async function printedDuring(work: (printed: () => string) => Promise<void>): Promise<string> {
  const lines: unknown[] = [];
  // winston prints by console where there is one, and Jest puts its own in place.
  const keep = (...words: unknown[]): boolean => lines.push(...words) > 0;
  const spies = (['log', 'warn', 'error', 'info'] as const).map((name) =>
    jest.spyOn(console, name).mockImplementation(keep),
  );
  const streams = [process.stdout, process.stderr, consoleStream()].map((stream) =>
    jest.spyOn(stream, 'write').mockImplementation(keep),
  );
  const printed = (): string => lines.map(String).join('\n');
  try {
    await work(printed);
  } finally {
    for (const spy of [...spies, ...streams]) spy.mockRestore();
  }
  return printed();
}

const consoleStream = (): NodeJS.WriteStream => Reflect.get(console, '_stdout') ?? process.stdout;

it('writes neither a secret nor a wrong guess into its log, at whatever level', async () => {
  const printed = await printedDuring(async (said) => {
    const log = createLogger('api', { level: 'debug', dir: undefined, pretty: false });
    const api = await openApiRig(server, { env: { API_KEYS: `ann:${SECRET},bob:short` }, log });
    const id = (await api.submit({ input: TRIP }, { Authorization: `Bearer ${SECRET}` })).body.id;
    await api.poll(id, { Authorization: `Bearer ${GUESS}` });
    await api.call('get', `/jobs?request_id=1&key=2`, { headers: { Authorization: `Bearer ${SECRET}` } });
    await api.close();
    // Lines are written some milliseconds later, together.
    await until(() => said().split('"message":"request"').length > 3 && said().includes('"status":401'));
  });
  expect(printed).toContain('"caller":"ann"');
  expect(printed).toContain('API key with a short secret');
  for (const secret of [SECRET, GUESS, 'bob:short']) expect(printed).not.toContain(secret);
});
