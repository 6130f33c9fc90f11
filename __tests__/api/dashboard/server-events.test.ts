import { readEvents, type ServerEvent } from '../../../api/dashboard/server-events.js';

/** What is read of an answer that comes in these pieces. */
async function eventsOf(...pieces: string[]): Promise<ServerEvent[]> {
  const encoder = new TextEncoder();
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encoder.encode(piece));
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  for await (const event of readEvents(new Response(stream))) events.push(event);
  return events;
}

it('reads messages however they are cut, comments and retry times aside', async () => {
  expect(
    await eventsOf(
      'retry: 2000\n\n: still',
      ' here\n\nevent: sta',
      'ts\nid: 7\ndata: {"a"',
      ':1}\n\ndata:x\n\n',
    ),
  ).toEqual([
    { event: 'stats', id: '7', data: '{"a":1}' },
    { event: 'message', id: undefined, data: 'x' },
  ]);
});

it('reads lines that end as on Windows, and data of several lines', async () => {
  expect(await eventsOf('event: a\r\ndata: 1\r\ndata: 2\r\n\r\n')).toEqual([
    { event: 'a', id: undefined, data: '1\n2' },
  ]);
});

it('drops a message that the end cuts off', async () => {
  expect(await eventsOf('data: 1\n\ndata: 2')).toEqual([{ event: 'message', id: undefined, data: '1' }]);
});
