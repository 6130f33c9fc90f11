import { SingleBar } from 'cli-progress';
import type { TrainingProgress } from '../trips/neural/train-neural.js';

/**
 * Tells on standard error how a training run goes: figures after each epoch, and between them a bar that moves where
 * a person is watching.
 */
export function reportProgress(): TrainingProgress & { stop: () => void } {
  const bar = process.stderr.isTTY ? createBar() : undefined;
  const say = (line: string): void => {
    // The bar owns its line: what is said goes above it.
    if (bar?.isActive) process.stderr.write('\r\u001b[K');
    process.stderr.write(`${line}\n`);
  };
  return {
    onPhase: (phase) => {
      bar?.stop();
      say(`${phase} ...`);
    },
    onStep: (step, steps) => {
      if (!bar) return;
      if (step === 1) bar.start(steps, 0);
      bar.update(step);
      if (step === steps) bar.stop();
    },
    onEpoch: ({ epoch, training, holdoutWithoutTime, holdoutWithTime }) =>
      say(
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
