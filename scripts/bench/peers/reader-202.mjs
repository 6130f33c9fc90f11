// A limit: bare Express with our API's way to read a body, that answers 202 and does nothing else.
import express from 'express';
import { readJson } from '../../../dist/api/http/read-json.js';

const limits = { limitBytes: 65_536, timeoutMs: 30_000 };
const app = express();
app.post('/jobs', async (request, response) => {
  response.status(202).json({ id: '0', status: 'queued', trip: await readJson(request, limits) });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
