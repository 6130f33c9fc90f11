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

/** Whether the client can and wants to read gzip. */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const wanted = weights(acceptEncoding);
  return (wanted.get('gzip') ?? wanted.get('x-gzip') ?? wanted.get('*') ?? 0) > 0;
}
