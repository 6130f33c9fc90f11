import { cpuUs, cpuUsOfStat, cpuUsOfTime } from '../../../scripts/bench/subjects/cpu.js';

it('reads the time of a process whose name has spaces and brackets', () => {
  const stat = '12 (a) (b c) S 1 12 12 0 -1 4194560 100 0 0 0 150 25 7 7 20 0 11 0 9000 1000 200';
  expect(cpuUsOfStat(stat)).toBe(1_750_000);
});

it.each([
  ['00:00:07\n', 7e6],
  ['  1:02.50', 62.5e6],
  ['2-03:04:05', (2 * 86_400 + 3 * 3_600 + 4 * 60 + 5) * 1e6],
])('reads %j of ps', (text, us) => {
  expect(cpuUsOfTime(text)).toBe(us);
});

it('tells processes of a kind from others', () => {
  expect(cpuUs([process.pid], { node: /node/ })['node']).toBeGreaterThan(0);
  expect(cpuUs([process.pid], { other: /^no such program$/ })).toEqual({});
});
