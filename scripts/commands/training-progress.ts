import { SingleBar } from 'cli-progress';
import { sayAboveBar } from '../lib/terminal.js';
import type { TrainingProgress } from '../trips/neural/train-neural.js';

/**
 * Tells on standard error how a training run goes: figures after each epoch, and between them a bar that moves where
 * a person is watching.
 */
export function reportProgress(): TrainingProgress & { stop: () => void } {
  const bar = process.stderr.isTTY ? createBar() : undefined;
  return {
    onPhase: (phase) => {
      bar?.stop();
      sayAboveBar(`${phase} ...`);
    },
    onStep: (step, steps) => {
      if (!bar) return;
      if (step === 1) bar.start(steps, 0);
      bar.update(step);
      if (step === steps) bar.stop();
    },
    onEpoch: ({ epoch, training, holdoutWithoutTime, holdoutWithTime }) =>
      sayAboveBar(
        `epoch ${String(epoch).padStart(2)}  RMSE ${training.toFixed(3)}  ` +
          `kept back ${holdoutWithoutTime.toFixed(3)} without time, ${holdoutWithTime.toFixed(3)} with`,
      ),
    stop: () => bar?.stop(),
  };
}

const createBar = (): SingleBar =>
  new SingleBar({
    format: 'training {bar} {percentage}% | {eta_formatted} to go',
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: true,
    fps: 4,
  });
