/** One message of a stream of server-sent events. */
export interface ServerEvent {
  event: string;
  id: string | undefined;
  data: string;
}

/**
 * The messages of an answer, as they come. `EventSource` would do it, but cannot send an API key. Ends with the answer;
 * throws when the connection breaks.
 */
export async function* readEvents(response: Response): AsyncGenerator<ServerEvent> {
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (text + value).split(/\r?\n\r?\n/);
      text = blocks.pop() ?? '';
      yield* blocks.flatMap(parseBlock);
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Comments and messages without data are nothing. */
function parseBlock(block: string): ServerEvent[] {
  const fields = { event: 'message', id: undefined as string | undefined };
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, name, value = ''] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (name === 'data') data.push(value);
    else if (name === 'event' || name === 'id') fields[name] = value;
  }
  return data.length === 0 ? [] : [{ ...fields, data: data.join('\n') }];
}
