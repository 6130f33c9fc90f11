/** The elements of an `Accept` or `Accept-Encoding` list with their weights (RFC 9110, section 12.4.2). */
function weights(header: string | undefined): Map<string, number> {
  const found = new Map<string, number>();
  for (const element of (header ?? '').split(',')) {
    const [name = '', ...parameters] = element.split(';').map((part) => part.trim().toLowerCase());
    const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    if (name !== '') found.set(name, quality === undefined ? 1 : Number(quality) || 0);
  }
  return found;
}

/** Whether the client wants CSV more than NDJSON; NDJSON where it has no wish. */
export function prefersCsv(accept: string | undefined): boolean {
  const wanted = weights(accept);
  const csv = wanted.get('text/csv') ?? wanted.get('text/*') ?? 0;
  const ndjson = wanted.get('application/x-ndjson') ?? wanted.get('application/*') ?? wanted.get('*/*') ?? 0;
  return csv > 0 && csv >= ndjson;
}

/** A peer on the machine itself, for which gzip takes longer than the bytes that it saves. */
const LOOPBACK = /^(::1|(::ffff:)?127\.[\d.]+)$/;

/** Whether the client can and wants to read gzip: one on this machine only where it names gzip and nothing else. */
export function wantsGzip(acceptEncoding: string | undefined, peer: string | undefined): boolean {
  const wanted = weights(acceptEncoding);
  const gzip = wanted.get('gzip') ?? wanted.get('x-gzip') ?? wanted.get('*') ?? 0;
  return gzip > 0 && (wanted.size === 1 || !LOOPBACK.test(peer ?? ''));
}
