// A limit: Express as our API sets it up, with its way to read a body, that answers 202 and does nothing else. Runs the
// built API's own modules.
import express from 'express';
import { startServer } from '../../../dist/api/server.js';
import { readJson } from '../../../dist/api/http/read-json.js';

const limits = { limitBytes: 65_536, timeoutMs: 30_000 };
const app = express().disable('x-powered-by').set('etag', false).set('query parser', false);
app.post('/jobs', async (request, response) => {
  const text = JSON.stringify({ id: '0', status: 'queued', trip: await readJson(request, limits) });
  response.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
});
const { port } = await startServer(app, { host: '127.0.0.1', port: 0 });
console.log(`ready ${port}`);
