// A limit: node:http that answers without looking. What the load generator gets out of it is the most it can measure.
import { createServer } from 'node:http';

const answer = '{"id":"0","status":"queued"}';
const server = createServer((request, response) => {
  request.resume();
  response.writeHead(202, { 'Content-Type': 'application/json', 'Content-Length': answer.length });
  response.end(answer);
});
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
