import tf = require('@tensorflow/tfjs-core');

const HIGHEST_LEARNING_RATE = 3e-3;
/** The last step's learning rate, as a share of the highest. */
const LAST_SHARE = 0.02;
const WARM_UP_STEPS = 200;

/** Adam whose learning rate rises over the first steps and falls along a cosine over all of them. */
export class ScheduledAdam extends tf.AdamOptimizer {
  readonly #steps: number;

  constructor(steps: number) {
    super(HIGHEST_LEARNING_RATE, 0.9, 0.999);
    this.#steps = steps;
  }

  /** To be called before each step, counted from 0. */
  startStep(step: number): void {
    const warmUp = Math.min(1, (step + 1) / WARM_UP_STEPS);
    const cosine = (1 + Math.cos((Math.PI * step) / this.#steps)) / 2;
    this.learningRate = HIGHEST_LEARNING_RATE * warmUp * (LAST_SHARE + (1 - LAST_SHARE) * cosine);
  }
}
