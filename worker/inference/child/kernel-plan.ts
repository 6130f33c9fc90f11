import type {
  DataId,
  DataType,
  KernelBackend,
  KernelConfig,
  KernelFunc,
  NamedTensorInfoMap,
  Tensor,
  TensorInfo,
} from '@tensorflow/tfjs-core';
import type { OutputValues } from './binding.js';
import { tf } from './tensorflow.js';

/** The kernels of one run, to be run again on other values of the same shapes. */
export interface KernelPlan {
  /** Memory that the plan keeps, in bytes: tensors made while it was recorded, and an estimate of its own objects. */
  bytes: number;
  /**
   * Values of the outputs for these values of the inputs. Throws what a kernel throws, and where a shape depends on values.
   * Keeps nothing either way.
   */
  run(inputs: readonly ArrayBufferView[]): OutputValues[];
  dispose(): void;
}

/** A recorded run: what it answered, and its plan, or the reason why a plan would answer wrongly. */
export interface Recording {
  outputs: Tensor[];
  plan: KernelPlan | string;
}

/** One kernel of a plan. Values that change from run to run lie in slots: the inputs first, then each kernel's results. */
interface Step {
  kernelFunc: KernelFunc;
  params: Parameters<KernelFunc>[0];
  /** Where `params` takes data out of a slot. */
  wires: { info: TensorInfo; slot: number }[];
  results: { slot: number; shape: readonly number[] }[];
  /** Slots that no later step reads. */
  free: number[];
}

type Source = { slot: number } | { dataId: DataId };

/** What a step keeps in JavaScript objects, in bytes; measured at 0.6 to 1 kB. */
const STEP_BYTES = 1_024;
const TYPES: ReadonlySet<DataType> = new Set(['float32', 'int32', 'bool']);

/**
 * Runs `run`, which has to be synchronous, once in the ordinary way, and records its kernels. To be called inside `tidy`. A kernel whose inputs do not
 * depend on those of the network has run once for all: its result is a constant, as the weights are. There is no plan when
 * code around the kernels reads what depends on the inputs, or when a kernel does what a plan cannot repeat.
 *
 * It needs a backend whose kernels are called through TensorFlow.js's registry, end before they return, and count
 * references to data, and whose values can be read at once: `wasm` is one.
 */
export function recordKernels(inputs: readonly Tensor[], run: () => Tensor[]): Recording {
  const recorder = new Recorder(tf.backend(), inputs);
  const outputs = recorder.watch(run);
  return { outputs, plan: recorder.planFor(outputs) };
}

class Recorder {
  readonly #steps: Step[] = [];
  readonly #slotOf = new Map<DataId, number>();
  /** Data made while recording that does not depend on the inputs; held back from the end of the recorded run. */
  readonly #constants = new Map<DataId, number>();
  #slots = 0;
  #depth = 0;
  #refusal: string | undefined;

  constructor(
    private readonly backend: KernelBackend,
    private readonly inputs: readonly Tensor[],
  ) {
    for (const { dataId } of inputs) this.#slotOf.set(dataId, this.#slots++);
  }

  /** Runs with every kernel, and every access to values, noticed. */
  watch<T>(run: () => T): T {
    const backend = this.backend;
    const kernels = tf.getKernelsForBackend(tf.getBackend());
    const originals = kernels.map(({ kernelFunc }) => kernelFunc);
    const [read, readSync] = [backend.read.bind(backend), backend.readSync.bind(backend)];
    const write = backend.write.bind(backend);
    backend.read = (dataId) => read(this.#noticeRead(dataId));
    backend.readSync = (dataId, ...range: []) => readSync(this.#noticeRead(dataId), ...range);
    backend.write = (values, shape, dtype) => this.#noticeWrite(write(values, shape, dtype), shape, dtype);
    for (const kernel of kernels) kernel.kernelFunc = this.#recorded(kernel);
    try {
      return run();
    } catch (error) {
      this.#disposeConstants();
      throw error;
    } finally {
      kernels.forEach((kernel, i) => (kernel.kernelFunc = originals[i]!));
      // The three are methods of its class.
      for (const method of ['read', 'readSync', 'write']) Reflect.deleteProperty(backend, method);
    }
  }

  planFor(outputs: readonly Tensor[]): KernelPlan | string {
    for (const output of outputs) this.#checkType(output);
    if (this.#refusal !== undefined) {
      this.#disposeConstants();
      return this.#refusal;
    }
    const sources = outputs.map(({ dataId }) => this.#sourceOf(dataId));
    this.#findLastUses(sources);
    let bytes = this.#steps.length * STEP_BYTES;
    for (const size of this.#constants.values()) bytes += size;
    return {
      bytes,
      run: (values) => this.#replay(values, sources),
      dispose: () => this.#disposeConstants(),
    };
  }

  #recorded({ kernelName, kernelFunc }: KernelConfig): KernelFunc {
    return (params) => {
      this.#depth += 1;
      try {
        const result = kernelFunc(params);
        // A kernel that calls another one does so each time it runs.
        if (this.#depth === 1) this.#note(kernelName, kernelFunc, params, [result].flat());
        return result;
      } finally {
        this.#depth -= 1;
      }
    };
  }

  #note(
    name: string,
    kernelFunc: KernelFunc,
    { inputs, attrs, backend }: Step['params'],
    results: TensorInfo[],
  ): void {
    const wires: Step['wires'] = [];
    const given: TensorInfo[] = [];
    const wired = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(wired);
      if (!isTensorInfo(value)) return value;
      given.push(value);
      this.#checkType(value);
      const slot = this.#slotOf.get(value.dataId);
      const info = { dataId: value.dataId, shape: value.shape, dtype: value.dtype };
      if (slot !== undefined) wires.push({ info, slot });
      return info;
    };
    const copies = Array.isArray(inputs)
      ? (wired(inputs) as NamedTensorInfoMap)
      : (Object.fromEntries(
          Object.entries(inputs).map(([key, value]) => [key, wired(value)]),
        ) as NamedTensorInfoMap);
    if (wires.length === 0) {
      for (const { dataId, shape, dtype } of results) this.#keep(dataId, shape, dtype);
      return;
    }
    // A reshape is the same data in another shape, which those who read it name: nothing has to be run again.
    const isAlias = ({ dataId }: TensorInfo): boolean => given.some((one) => one.dataId === dataId);
    if (results.every(isAlias)) return;
    if (results.some(isAlias)) this.#refuse(`${name} gives back some of its inputs`);
    const hidden = Object.values(attrs ?? {})
      .flat()
      .some(isTensorInfo);
    if (hidden) this.#refuse(`${name} has tensors among its attributes`);
    for (const result of results) this.#checkType(result);
    this.#steps.push({
      kernelFunc,
      params: { inputs: copies, attrs: { ...attrs }, backend },
      wires,
      results: results.map(({ dataId, shape }) => {
        const slot = this.#slots++;
        this.#slotOf.set(dataId, slot);
        return { slot, shape: [...shape] };
      }),
      free: [],
    });
  }

  #noticeRead(dataId: DataId): DataId {
    if (this.#depth === 0 && this.#slotOf.has(dataId)) this.#refuse('it reads values while it runs');
    return dataId;
  }

  #noticeWrite(dataId: DataId, shape: readonly number[], dtype: DataType): DataId {
    if (this.#depth === 0) this.#keep(dataId, shape, dtype);
    return dataId;
  }

  #keep(dataId: DataId, shape: readonly number[], dtype: DataType): void {
    // Strings lie outside of the memory that is counted. Kernels that give one back refuse the plan where it is used.
    if (this.#constants.has(dataId) || dtype === 'string') return;
    this.backend.incRef(dataId);
    this.#constants.set(dataId, 4 * shape.reduce((product, size) => product * size, 1));
  }

  #checkType({ dtype }: TensorInfo): void {
    if (!TYPES.has(dtype)) this.#refuse(`it has tensors of ${dtype}`);
  }

  #refuse(why: string): void {
    this.#refusal ??= why;
  }

  #sourceOf(dataId: DataId): Source {
    const slot = this.#slotOf.get(dataId);
    return slot === undefined ? { dataId } : { slot };
  }

  #findLastUses(outputs: readonly Source[]): void {
    const seen = new Set(outputs.map((source) => ('slot' in source ? source.slot : -1)));
    for (const step of this.#steps.toReversed()) {
      for (const { slot } of [...step.results, ...step.wires]) {
        if (!seen.has(slot)) step.free.push(slot);
        seen.add(slot);
      }
    }
  }

  #replay(values: readonly ArrayBufferView[], outputs: readonly Source[]): OutputValues[] {
    const backend = this.backend;
    const data: (DataId | undefined)[] = [];
    try {
      this.inputs.forEach(({ shape, dtype }, i) =>
        data.push(backend.write(values[i] as Float32Array, shape, dtype)),
      );
      for (const step of this.#steps) {
        for (const { info, slot } of step.wires) info.dataId = data[slot]!;
        const result = step.kernelFunc(step.params);
        const found = Array.isArray(result) ? result : [result];
        step.results.forEach(({ slot }, i) => (data[slot] = found[i]!.dataId));
        if (!step.results.every(({ shape }, i) => isSameShape(found[i]!.shape, shape))) {
          throw new Error('its shapes depend on values');
        }
        for (const slot of step.free) {
          backend.disposeData(data[slot]!);
          data[slot] = undefined;
        }
      }
      return outputs.map(
        (source) => backend.readSync('slot' in source ? data[source.slot]! : source.dataId) as OutputValues,
      );
    } finally {
      for (const dataId of data) if (dataId) backend.disposeData(dataId);
    }
  }

  #disposeConstants(): void {
    for (const dataId of this.#constants.keys()) this.backend.disposeData(dataId);
    this.#constants.clear();
  }
}

const isTensorInfo = (value: unknown): value is TensorInfo =>
  typeof value === 'object' && value !== null && 'dataId' in value && 'shape' in value;

const isSameShape = (found: readonly number[], expected: readonly number[]): boolean =>
  found.length === expected.length && found.every((size, axis) => size === expected[axis]);
