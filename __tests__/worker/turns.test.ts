import { Turns } from '../../worker/models/turns.js';

/** Asks for turns and notes the order in which they come. */
function recorder() {
  const turns = new Turns();
  const order: string[] = [];
  const ask = async (lane: 'jobs' | 'chunks', name: string): Promise<void> => {
    const end = await turns.take(lane);
    order.push(name);
    await Promise.resolve();
    end();
  };
  return { turns, order, ask };
}

it('gives the turn to one holder at a time', async () => {
  const { turns } = recorder();
  const end = await turns.take('jobs');
  let isSecondIn = false;
  const second = turns.take('jobs').then((endSecond) => {
    isSecondIn = true;
    return endSecond;
  });
  await new Promise(setImmediate);
  expect(isSecondIn).toBe(false);
  end();
  (await second)();
});

it('lets lanes alternate while both wait, each in its own order', async () => {
  const { order, ask } = recorder();
  await Promise.all([
    ask('jobs', 'j1'),
    ask('jobs', 'j2'),
    ask('jobs', 'j3'),
    ask('chunks', 'c1'),
    ask('chunks', 'c2'),
    ask('chunks', 'c3'),
    ask('chunks', 'c4'),
  ]);
  expect(order).toEqual(['j1', 'c1', 'j2', 'c2', 'j3', 'c3', 'c4']);
});

it('takes no notice when a turn is ended twice', async () => {
  const { turns, order, ask } = recorder();
  const end = await turns.take('jobs');
  const asked = [ask('jobs', 'a'), ask('jobs', 'b')];
  end();
  end();
  await Promise.all(asked);
  expect(order).toEqual(['a', 'b']);
});
