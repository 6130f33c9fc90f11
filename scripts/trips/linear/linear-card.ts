import type { Evaluation } from '../evaluation.js';
import type { TrainingData } from '../training-data.js';
import type { LinearModel } from './linear-regression.js';
import { LAST_ZONE } from '../zones.js';

/** The contents of the model card of a fitted linear model. */
export interface LinearCardFacts {
  name: string;
  linear: LinearModel;
  data: TrainingData;
  evaluation: Evaluation;
}

/** Model card of a fitted linear model, in Markdown. */
export function linearCard(facts: LinearCardFacts): string {
  const { linear, data, evaluation } = facts;
  const { rmse, mae, bias } = evaluation.withoutTime.errors;
  return `# ${facts.name}

Minutes of a New York taxi trip, by ordinary least squares on the pair of zones (one-hot) and the distance. It is
the baseline that better models are measured against.

    minutes = intercept of (PULocationID, DOLocationID) + slope x trip_distance

| | |
|---|---|
| Trained on | ${data.trainedOn.join(', ')}: ${count(data.trips.length)} trips of 1 to 60 minutes |
| Pairs with an intercept | ${count(linear.intercepts.size)} of ${count(LAST_ZONE * LAST_ZONE)} |
| Every other pair | ${linear.defaultIntercept.toFixed(2)} minutes, the mean over the pairs |
| Slope | ${linear.slope.toPrecision(4)} minutes per mile |
| Validated on | ${data.validatedOn.join(', ')}: ${count(evaluation.rows)} trips of 1 to 60 minutes |
| RMSE | ${rmse.toFixed(3)} minutes |
| MAE | ${mae.toFixed(3)} minutes |
| Bias | ${bias.toFixed(3)} minutes (below zero: trips took longer than predicted) |

## Limits

- Distances are learnt as recorded, meter errors included. A few of 100,000 miles are enough to leave next to no
  slope, and the answer is then in effect the mean duration of the pair.
- A pickup time is accepted, as by every trip model, and changes nothing.
- Nothing keeps an answer above zero or says how sure it is.

## Data

NYC Taxi and Limousine Commission, trip record data, public. The model knows zones, distances and durations; the
records name no person.
`;
}

const count = (value: number): string => value.toLocaleString('en-US');
