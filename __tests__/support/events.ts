/** One server-sent event as it came. */
export interface ReceivedEvent {
  event: string;
  id: string | undefined;
  data: unknown;
}

/** An open stream of events. */
export interface OpenStream {
  status: number;
  headers: Headers;
  /** The next event; undefined when the stream has ended. Comments are passed over. */
  next(): Promise<ReceivedEvent | undefined>;
  close(): void;
}

/** Opens a stream of server-sent events and reads it block by block. */
export async function openEvents(url: string, headers: Record<string, string> = {}): Promise<OpenStream> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';

  async function nextBlock(): Promise<string | undefined> {
    for (;;) {
      const end = text.indexOf('\n\n');
      if (end >= 0) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        return block;
      }
      const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return undefined;
      text += value;
    }
  }

  return {
    status: response.status,
    headers: response.headers,
    async next() {
      for (;;) {
        const block = await nextBlock();
        if (block === undefined) return undefined;
        const fields = new Map(
          block.split('\n').map((line) => [line.split(': ')[0], line.replace(/^\w*: /, '')]),
        );
        const data = fields.get('data');
        if (data === undefined) continue;
        return {
          event: fields.get('event') ?? 'message',
          id: fields.get('id'),
          data: JSON.parse(data) as unknown,
        };
      }
    },
    close: () => abort.abort(),
  };
}
