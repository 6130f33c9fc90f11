import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type ApiRig, useApiRigs } from '../support/rigs/api-rig.js';

const open = useApiRigs();
let api: ApiRig;

/** The status and, of a problem, the type that a request with these header lines is answered with. */
async function answerTo(lines: readonly string[], path = '/jobs'): Promise<[number, string | undefined]> {
  const socket = connect(Number(new URL(api.url).port), '127.0.0.1');
  socket.write([`GET ${path} HTTP/1.1`, ...lines, 'Connection: close', '', ''].join('\r\n'));
  const answer = await text(socket);
  return [Number(answer.split(' ')[1]), /"type":"(\/problems\/[^"]+)"/.exec(answer)?.[1]];
}

const ELSEWHERE = [
  'attacker.example',
  'localhost.attacker.example',
  '127.0.0.1.attacker.example:8182',
  '128.0.0.1',
];

it('answers names of this machine alone where there are no keys: a page from elsewhere has another', async () => {
  api = await open();
  for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1:8182', '127.9.9.9', '[::1]', '[::1]:8182']) {
    expect([host, ...(await answerTo([`Host: ${host}`]))]).toEqual([host, 200, undefined]);
  }
  for (const host of [...ELSEWHERE, '']) {
    for (const path of ['/jobs', '/health', '/dashboard', '/nowhere']) {
      const answer = await answerTo([`Host: ${host}`], path);
      expect([host, path, ...answer]).toEqual([host, path, 421, '/problems/misdirected-request']);
    }
  }
});

it.each<Record<string, string>>([{ AUTH: 'none' }, { API_KEYS: 'ann:secret-of-ann-0123456' }])(
  'answers any name with %j',
  async (env) => {
    api = await open({ env });
    for (const host of ELSEWHERE) {
      const answer = await answerTo([`Host: ${host}`, 'Authorization: Bearer secret-of-ann-0123456']);
      expect([host, ...answer]).toEqual([host, 200, undefined]);
    }
  },
);

it('refuses what names two hosts', async () => {
  api = await open();
  expect(await answerTo(['Host: localhost', 'Host: localhost'])).toEqual([400, '/problems/host-malformed']);
  expect(await answerTo(['host: localhost', 'X: y', 'HOST: a.example'])).toEqual([
    400,
    '/problems/host-malformed',
  ]);
});
