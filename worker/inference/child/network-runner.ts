import type { NamedTensorMap, Tensor } from '@tensorflow/tfjs-core';
import { messageOf } from '../../../shared/errors.js';
import { ARRAY_OF, type Columns } from '../../../shared/model/columns.js';
import type { Binding, OutputValues, Runner } from './binding.js';
import { type KernelPlan, recordKernels } from './kernel-plan.js';
import { tf } from './tensorflow.js';

/** Backends that {@link recordKernels} knows how to record. A GPU's values cannot be read at once. */
const REPLAYING: ReadonlySet<string> = new Set(['wasm']);
/**
 * Micro-batches that run in both ways, and have to give the same bits, before plans alone are run. A plan that is made
 * later is compared on the rows that it was recorded with.
 */
const TRIALS = 4;
/** A run that takes longer, in ms, is not worth a plan, whose comparison takes as long again: its time goes into kernels. */
const SLOW_MS = 50;
/** Most row counts that are remembered; those unused for longest go first. */
const MOST_ROW_COUNTS = 128;
/** Most memory of one plan, and of all, in bytes. */
const LIMIT_BYTES = { plan: 16_777_216, plans: 67_108_864 };

/** Runs a network of TensorFlow.js on one micro-batch: its asked-for outputs, in their order. Is called inside `tidy`. */
export type RunNetwork = (inputs: NamedTensorMap, outputs: readonly string[]) => Tensor[];

/** A number of rows that was asked for. */
interface RowCount {
  plan?: KernelPlan;
  isTooLarge?: boolean;
}

/**
 * Runs a network. TensorFlow.js's engine takes several times as long around the kernels of a small network as they take
 * themselves. So the kernels are recorded for each number of rows, and then run without it. Whatever a recording cannot
 * hold, or what makes it answer otherwise than the network did, ends that for good: see {@link plainBecause}.
 */
export class NetworkRunner implements Runner {
  /** Why this network is not replayed; undefined while it may be, and on backends where none is. */
  plainBecause: string | undefined;
  readonly #rowCounts = new Map<number, RowCount>();
  #bytes = 0;
  readonly #replays = REPLAYING.has(tf.getBackend());
  #trialsLeft = TRIALS;

  /** @param now gives the time in ms, by which runs that are slow are told. */
  constructor(
    private readonly runNetwork: RunNetwork,
    private readonly binding: Binding,
    private readonly now = () => performance.now(),
  ) {}

  get numTensors(): number {
    return tf.memory().numTensors;
  }

  async run(columns: Columns): Promise<OutputValues[]> {
    const mayReplay = this.#replays && this.plainBecause === undefined && this.#isWhole(columns);
    if (!mayReplay) return this.#runPlain(columns);
    const known = this.#rowCounts.get(columns.rows) ?? {};
    this.#remember(columns.rows, known);
    if (known.isTooLarge) return this.#runPlain(columns);
    if (!known.plan) return this.#record(columns, known);
    if (this.#trialsLeft > 0) {
      const values = await this.#runPlain(columns);
      this.#trialsLeft -= 1;
      this.#compare(columns, known.plan, values);
      return values;
    }
    try {
      return known.plan.run(columns.arrays);
    } catch (error) {
      // Rows that the network refuses, too, throw here.
      const values = await this.#runPlain(columns);
      this.#refuse(messageOf(error));
      return values;
    }
  }

  dispose(): void {
    for (const rows of this.#rowCounts.keys()) this.#forget(rows);
  }

  async #runPlain(columns: Columns): Promise<OutputValues[]> {
    return readAndDispose(
      tf.tidy(() => this.runNetwork(this.#inputsOf(columns), this.binding.outputTensors)),
    );
  }

  #inputsOf({ rows, arrays }: Columns): NamedTensorMap {
    const inputs: NamedTensorMap = {};
    this.binding.feeds.forEach(({ name, rowShape, dtype }, i) => {
      inputs[name] = tf.tensor(arrays[i]!, [rows, ...rowShape], dtype);
    });
    return inputs;
  }

  async #record(columns: Columns, known: RowCount): Promise<OutputValues[]> {
    let plan: KernelPlan | string | undefined;
    const startMs = this.now();
    const tensors = tf.tidy(() => {
      const inputs = this.#inputsOf(columns);
      const { feeds, outputTensors } = this.binding;
      const ordered = feeds.map(({ name }) => inputs[name]!);
      const recording = recordKernels(ordered, () => this.runNetwork(inputs, outputTensors));
      plan = recording.plan;
      return recording.outputs;
    });
    const values = await readAndDispose(tensors);
    const isSlow = this.now() - startMs > SLOW_MS;
    if (typeof plan === 'string') this.#refuse(plan);
    else if (isSlow) plan?.dispose();
    else if (plan) this.#keep(plan, known, columns, values);
    return values;
  }

  #keep(plan: KernelPlan, known: RowCount, columns: Columns, values: readonly OutputValues[]): void {
    if (plan.bytes > LIMIT_BYTES.plan) {
      known.isTooLarge = true;
      plan.dispose();
      return;
    }
    known.plan = plan;
    this.#bytes += plan.bytes;
    this.#compare(columns, plan, values);
    for (const rows of this.#rowCounts.keys()) if (this.#bytes > LIMIT_BYTES.plans) this.#forget(rows);
  }

  #compare({ rows, arrays }: Columns, plan: KernelPlan, values: readonly OutputValues[]): void {
    try {
      const found = plan.run(arrays);
      if (!values.every((array, output) => isSame(array, found[output]))) {
        this.#refuse(`${rows} rows get other answers by a replay`);
      }
    } catch (error) {
      this.#refuse(messageOf(error));
    }
  }

  #refuse(why: string): void {
    this.plainBecause ??= why;
    this.dispose();
  }

  /** Whether the arrays are of the types and sizes that a plan reads out of memory. The plain way says what is wrong. */
  #isWhole({ rows, arrays }: Columns): boolean {
    return this.binding.feeds.every(({ dtype, width }, i) => {
      const array = arrays[i];
      return array instanceof ARRAY_OF[dtype] && array.length === rows * width;
    });
  }

  #remember(rows: number, known: RowCount): void {
    this.#rowCounts.delete(rows);
    this.#rowCounts.set(rows, known);
    const [oldest = rows] = this.#rowCounts.keys();
    if (this.#rowCounts.size > MOST_ROW_COUNTS) this.#forget(oldest);
  }

  #forget(rows: number): void {
    const { plan } = this.#rowCounts.get(rows) ?? {};
    this.#rowCounts.delete(rows);
    this.#bytes -= plan?.bytes ?? 0;
    plan?.dispose();
  }
}

/** Whether two arrays hold the same bits: no NaN equals another. */
const isSame = (array: OutputValues, other: OutputValues | undefined): boolean =>
  other !== undefined && array.constructor === other.constructor && bytesOf(array).equals(bytesOf(other));

const bytesOf = ({ buffer, byteOffset, byteLength }: OutputValues): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

async function readAndDispose(tensors: readonly Tensor[]): Promise<OutputValues[]> {
  try {
    return await Promise.all(tensors.map((tensor) => tensor.data()));
  } finally {
    for (const tensor of tensors) tensor.dispose();
  }
}
