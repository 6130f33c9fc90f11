import type { Evaluation } from '../evaluation.js';
import { fitLinear, predictLinear } from '../linear/linear-regression.js';
import { type Errors, errorsOf } from '../metrics.js';
import type { MonotonicityCheck } from '../monotonicity.js';
import type { NeuralTrainingRequest, TrainingData } from '../training-data.js';
import { recordedDistance, type Trips } from '../trips.js';
import { bestEpochOf, type EpochFigures } from './train-network.js';

/** The contents of the model card of a trained network. */
export interface NeuralCardFacts {
  request: NeuralTrainingRequest;
  data: TrainingData;
  history: readonly EpochFigures[];
  evaluation: Evaluation;
  monotonicity: MonotonicityCheck;
}

/** Model card of a trained network, in Markdown. Its pictures lie beside it. */
export function neuralCard(facts: NeuralCardFacts): string {
  return [purpose(facts), dataSection(facts), figures(facts), PICTURES, design(facts), limits(facts)].join(
    '\n',
  );
}

const purpose = ({ request }: NeuralCardFacts): string => `# ${request.name} ${request.version}

How long a New York taxi trip will take, in minutes, from what is known when it begins: its two zones, its distance,
and the pickup time where there is one. One small network answers both with and without a time.

| Input | | |
|---|---|---|
| \`PULocationID\`, \`DOLocationID\` | integers 1 to 265 | TLC taxi zones |
| \`trip_distance\` | miles, 0 to 100 | 0 = not recorded; answered for a typical trip between the zones |
| \`pickup_datetime\` | optional | local New York time, or with an offset; only weekday, hour and minute count |
`;

const dataSection = ({ data }: NeuralCardFacts): string => `## Data

Trip records of the NYC Taxi and Limousine Commission (public; they name no person). Trips of 1 to 60 minutes, all of
them: distances that are 0 or over 100 miles count as not recorded, they are not left out.

| | | trips | mean minutes | distance not recorded |
|---|---|---|---|---|
| Trained on | ${data.trainedOn.join(', ')} | ${describe(data.trips)} |
| Validated on | ${data.validatedOn.join(', ')} | ${describe(data.validation)} |
`;

function describe(trips: Trips): string {
  const mean = trips.durationMinutes.reduce((sum, minutes) => sum + minutes, 0) / trips.length;
  const unrecorded = trips.distanceMiles.reduce((n, miles) => n + (recordedDistance(miles) === 0 ? 1 : 0), 0);
  return `${count(trips.length)} | ${mean.toFixed(2)} | ${((100 * unrecorded) / trips.length).toFixed(1)}%`;
}

function figures({ data, evaluation, history }: NeuralCardFacts): string {
  const baseline = errorsOf(
    predictLinear(fitLinear(data.trips), data.validation),
    data.validation.durationMinutes,
  );
  const best = bestEpochOf(history);
  const row = (name: string, { rmse, mae, bias }: Errors): string =>
    `| ${name} | ${rmse.toFixed(3)} | ${mae.toFixed(3)} | ${bias.toFixed(2)} |`;
  return `## Figures

On the validation trips, in minutes; none of them took part in training or in any choice during it.

| | RMSE | MAE | bias |
|---|---|---|---|
${row('Pickup time not given', evaluation.withoutTime.errors)}
${row('Pickup time given', evaluation.withTime.errors)}
${row('Linear regression on the same trips', baseline)}

The tenth of the training trips that chose the epoch has an RMSE of ${best.holdoutWithoutTime.toFixed(3)} without and ${best.holdoutWithTime.toFixed(3)} with a
time. What the validation trips add to that is drift: they come from other days, and the bias (predicted minus actual)
says how much faster or, below zero, slower those were than the days learnt from. Expect the validation figures on a
month to come, not the others, and train again when the bias of a recent month grows.
`;
}

const PICTURES = `## Pictures

![Predicted against actual duration](predicted-against-actual.svg)
![Calibration](calibration.svg)
![Error by hour of pickup](error-by-hour.svg)
![Error by distance](error-by-distance.svg)
![Training](training-curve.svg)
`;

const design = ({ request, data, history, monotonicity }: NeuralCardFacts): string => `## How it works

Everything is inside the saved graph, in stock layers: columns go in, minutes come out.

- Tables by zone and by pair hold what past trips say: shrunken means of duration, pace and distance, and a count.
  While training, each trip sees tables made without its own tenth of the data.
- An embedding per zone, the tables and the time of the week pass two hidden layers (128 and 64 units) and become
  20 coefficients, all above 0. The answer is their sum over a basis of the distance: pieces of a line between
  0 and 40 miles. The hidden layers never see the distance, so **a longer distance never lowers the answer**
  (0 is no distance but "not recorded"). Checked: ${count(monotonicity.falls)} falls in ${count(monotonicity.steps)} steps along ${count(monotonicity.curves)} curves.
- The time is withheld from three in ten rows of each step, so that one network learns to do without it.
- Adam on the squared error; an average of the weights is judged after each epoch on the tenth kept back, and the
  best is kept: epoch ${bestEpochOf(history).epoch} of ${history.length}.

Trained with \`npx waggle train --model ${request.name} --train FILE --validate FILE --epochs ${request.epochs} --seed ${request.seed}\`
on ${data.trainedOn.join(', ')}; the same seed and files give the same weights.
`;

const limits = ({ evaluation }: NeuralCardFacts): string => `## Limits

- Answers lie between 1 and 60 minutes, since it learnt from such trips only.
- Weather, holidays, events and roadworks are unknown to it. A typical answer is off by ${evaluation.withTime.errors.mae.toFixed(1)} minutes.
- Beyond 40 miles the answer stays as it is: there are next to no such trips to learn from.
- A distance that cannot be (from one end of the city to the other in a mile) is taken at its word.
- Pairs of zones without past trips are judged by their zones, zones without past trips by the city.
- It learnt from metered taxis; vans, bicycles and other cities are not in it.
`;

const count = (value: number): string => value.toLocaleString('en-US');
