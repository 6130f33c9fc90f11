// The pattern that queues replace: Express, with the model in the request handler.
// Arguments: model folder
import express from 'express';
import { loadLinearModel } from './linear-model.mjs';

const predict = await loadLinearModel(process.argv[2]);
const app = express();
app.post('/predict', express.json(), (request, response) => {
  response.json({ duration: predict(request.body) });
});
const server = app.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
