import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorByDistance, errorByHour } from '../charts/error-charts.js';
import { calibration, predictedAgainstActual } from '../charts/prediction-charts.js';
import { trainingCurve } from '../charts/training-chart.js';
import { type NeuralCardFacts, neuralCard } from './neural-card.js';

/** A file that is kept by hand beside a model card, and that becomes its last part. */
const NOTES = 'NOTES.md';

/** The model card and its pictures, by file name. */
export function neuralDocuments(facts: NeuralCardFacts): Record<string, string> {
  const chartData = { trips: facts.data.validation, evaluation: facts.evaluation };
  const notes = join(facts.request.folder, NOTES);
  return {
    'README.md': neuralCard(facts) + (existsSync(notes) ? `\n${readFileSync(notes, 'utf8')}` : ''),
    'predicted-against-actual.svg': predictedAgainstActual(chartData),
    'error-by-hour.svg': errorByHour(chartData),
    'error-by-distance.svg': errorByDistance(chartData),
    'calibration.svg': calibration(chartData),
    'training-curve.svg': trainingCurve(facts.history),
  };
}
