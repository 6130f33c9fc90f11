// A limit: Express that reads a JSON body and answers 202, and does nothing else.
import express from 'express';

const app = express();
app.post('/jobs', express.json(), (request, response) => {
  response.status(202).json({ id: '0', status: 'queued', trip: request.body });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
