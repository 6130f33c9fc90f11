// Whether the process in this container is well: node healthcheck.mjs <port> <path>. Ends with 0 or 1, for HEALTHCHECK.
const [port, path] = process.argv.slice(2);
try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_500) });
  if (!answer.ok) throw new Error(`${path} is answered with ${answer.status}: ${await answer.text()}`);
} catch (error) {
  // What fetch itself says is only that it failed.
  console.error(error instanceof Error && error.cause instanceof Error ? error.cause.message : error);
  process.exitCode = 1;
}
