import tf = require('@tensorflow/tfjs-core');
import type { LayersModel } from '@tensorflow/tfjs-layers';

/** The weights that training changes. */
export const trainableVariables = (model: LayersModel): tf.Variable[] =>
  model.trainableWeights.map((weight) => weight.read() as tf.Variable);

/** Values of variables, in their order. */
export type WeightValues = readonly Float32Array[];

/** A copy of the values of variables. */
export const readWeights = (variables: readonly tf.Variable[]): WeightValues =>
  variables.map((variable) => variable.dataSync<'float32'>().slice());

/** Sets variables to values that {@link readWeights} gave. */
export const writeWeights = (variables: readonly tf.Variable[], values: WeightValues): void =>
  variables.forEach((variable, index) =>
    tf.tidy(() => variable.assign(tf.tensor(values[index]!, variable.shape))),
  );

/**
 * Exponential moving average of weights over training steps. While the learning rate is high, single steps wander
 * around the optimum; their average does not, and it is what is judged and kept.
 */
export class WeightAverage {
  readonly #values: WeightValues;
  readonly #variables: readonly tf.Variable[];
  readonly #decay: number;
  #steps = 0;

  constructor(variables: readonly tf.Variable[], decay: number) {
    this.#variables = variables;
    this.#decay = decay;
    this.#values = readWeights(variables);
  }

  /** Takes in the weights as they are after a step. */
  update(): void {
    this.#steps++;
    // The first steps count for more, so that the random start is forgotten at once.
    const decay = Math.min(this.#decay, this.#steps / (this.#steps + 9));
    this.#variables.forEach((variable, index) => {
      const average = this.#values[index]!;
      const now = variable.dataSync<'float32'>();
      for (let i = 0; i < average.length; i++) average[i]! += (1 - decay) * (now[i]! - average[i]!);
    });
  }

  /** Runs `judge` with the average in the place of the weights. */
  during<T>(judge: () => T): T {
    const now = readWeights(this.#variables);
    writeWeights(this.#variables, this.#values);
    try {
      return judge();
    } finally {
      writeWeights(this.#variables, now);
    }
  }
}
