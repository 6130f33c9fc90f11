import { LONGEST_TURN_MS, Turns } from '../../worker/models/turns.js';

type User = Parameters<Turns['take']>[0];

/** Turns whose clock moves only while somebody holds one, and the order in which they come. */
function recorder() {
  let nowMs = 0;
  const turns = new Turns(() => nowMs);
  const order: string[] = [];
  /** Takes as many turns one after the other, each so long, and asks for the next one as soon as one ends. */
  const ask = async (user: User, times: number, turnMs: number): Promise<void> => {
    for (let turn = 1; turn <= times; turn += 1) {
      const { end } = await turns.take(user);
      order.push(`${user} ${turn}`);
      // Another user that could get in beside it would do so now.
      await new Promise(setImmediate);
      nowMs += turnMs;
      end();
    }
  };
  return { turns, order, ask };
}

const numbered = (user: User, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, index) => `${user} ${from + index}`);

it('gives the turn to one holder at a time', async () => {
  const { turns } = recorder();
  const { end } = await turns.take('jobs');
  let isSecondIn = false;
  const second = turns.take('jobs').then(({ end: endSecond }) => {
    isSecondIn = true;
    return endSecond;
  });
  await new Promise(setImmediate);
  expect(isSecondIn).toBe(false);
  end();
  (await second)();
});

it('gives users the same time, however long the turns of each are', async () => {
  const { order, ask } = recorder();
  await Promise.all([ask('chunks', 3, 10), ask('jobs', 30, 1)]);
  expect(order).toEqual([
    'jobs 1',
    'chunks 1',
    ...numbered('jobs', 2, 11),
    'chunks 2',
    ...numbered('jobs', 12, 21),
    'chunks 3',
    ...numbered('jobs', 22, 30),
  ]);
});

it('lets users alternate whose turns are as long, each in its own order', async () => {
  const { order, ask } = recorder();
  await Promise.all([ask('chunks', 3, 5), ask('jobs', 2, 5)]);
  expect(order).toEqual(['jobs 1', 'chunks 1', 'jobs 2', 'chunks 2', 'chunks 3']);
});

it('lets a user that was idle go next, and save up nothing', async () => {
  const { order, ask } = recorder();
  await ask('chunks', 100, 10);
  order.length = 0;
  await Promise.all([ask('chunks', 4, 10), ask('jobs', 4, 10)]);
  expect(order).toEqual([
    'jobs 1',
    'jobs 2',
    'chunks 1',
    'jobs 3',
    'chunks 2',
    'jobs 4',
    'chunks 3',
    'chunks 4',
  ]);
});

it('counts no more than a second of a turn that hung', async () => {
  const { order, ask } = recorder();
  const chunkMs = LONGEST_TURN_MS / 2;
  await Promise.all([ask('jobs', 2, 60 * LONGEST_TURN_MS), ask('chunks', 4, chunkMs)]);
  expect(order).toEqual(['jobs 1', 'chunks 1', 'chunks 2', 'jobs 2', 'chunks 3', 'chunks 4']);
});

it('lets a swap go next after the turn that runs', async () => {
  const { turns, order, ask } = recorder();
  const { end } = await turns.take('chunks');
  const asked = [ask('jobs', 2, 1), ask('swap', 1, 0)];
  end();
  await Promise.all(asked);
  expect(order).toEqual(['swap 1', 'jobs 1', 'jobs 2']);
});

it('takes no notice when a turn is ended twice', async () => {
  const { turns, order, ask } = recorder();
  const { end } = await turns.take('jobs');
  const asked = [ask('jobs', 2, 1), ask('chunks', 1, 1)];
  end();
  end();
  await Promise.all(asked);
  expect(order).toEqual(['jobs 1', 'chunks 1', 'jobs 2']);
});

it('lets a holder share its turn with the other user, and not with a swap', async () => {
  const { turns, order, ask } = recorder();
  const turn = await turns.take('chunks');
  const jobs = ask('jobs', 1, 0);
  const swap = ask('swap', 1, 0);
  await turn.share();
  order.push('chunks again');
  await turn.share();
  turn.end();
  await Promise.all([jobs, swap]);
  expect(order).toEqual(['jobs 1', 'chunks again', 'swap 1']);
});

it('knows whether somebody else waits, and goes on though somebody does', async () => {
  const { turns, order, ask } = recorder();
  const turn = await turns.take('chunks');
  expect(turn.isUncontested()).toBe(true);
  const asked = ask('jobs', 1, 0);
  expect(turn.isUncontested()).toBe(false);
  turn.renew();
  order.push('chunks again');
  turn.end();
  expect(turn.isUncontested()).toBe(false);
  await asked;
  expect(order).toEqual(['chunks again', 'jobs 1']);
});

it('gives whoever was idle no credit for the time that a turn went on for', async () => {
  let nowMs = 0;
  const turns = new Turns(() => nowMs);
  const turn = await turns.take('chunks');
  for (let times = 0; times < 10; times += 1) {
    nowMs += 100;
    turn.renew();
  }
  const order: string[] = [];
  const ask = async (user: User, ms: number): Promise<void> => {
    for (let times = 0; times < 2; times += 1) {
      const { end } = await turns.take(user);
      order.push(user);
      nowMs += ms;
      end();
    }
  };
  const asked = [ask('jobs', 10), ask('chunks', 10)];
  turn.end();
  await Promise.all(asked);
  expect(order).toEqual(['jobs', 'chunks', 'jobs', 'chunks']);
});
