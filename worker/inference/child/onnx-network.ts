import { devNull } from 'node:os';
import { messageOf } from '../../../shared/errors.js';
import type { ColumnArray, Columns, TensorSpec } from '../../../shared/model/columns.js';
import type { Binding, DeclaredTensor, NetworkTensors, OutputValues, Runner } from './binding.js';
import {
  importOnnxRuntime,
  type OnnxArray,
  type OnnxRuntime,
  type OnnxSession,
  type OnnxValue,
} from './engines/onnx-engine.js';

/** Options of a session. */
const SESSION = {
  // One core an inference process, as with TensorFlow.js on the CPU: more processes use more cores.
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  // Errors are thrown; what is printed of warnings would come with every start.
  logSeverityLevel: 4,
  // A graph may name files that hold its weights. Here none is found: the bytes of the package are the whole model.
  extra: { session: { model_external_initializers_file_folder_path: devNull } },
};

/** Input types of a graph, with the type of the columns that each is made of. */
const FED: Readonly<Record<string, { dtype: TensorSpec['dtype']; arrayOf(column: ColumnArray): OnnxArray }>> =
  {
    float32: { dtype: 'float32', arrayOf: (column) => column },
    float64: { dtype: 'float32', arrayOf: (column) => Float64Array.from(column) },
    int32: { dtype: 'int32', arrayOf: (column) => column },
    int64: { dtype: 'int32', arrayOf: toInt64 },
    bool: { dtype: 'bool', arrayOf: (column) => column },
  };

/** Output types of a graph whose numbers a result can hold. Those of 64 bits become float32, as all results are. */
const READ: ReadonlySet<string> = new Set(['float32', 'float64', 'int32', 'int64', 'uint8', 'bool']);

/** Loads a graph into ONNX Runtime. Throws what that says of bytes that are no graph, or one that it cannot run. */
export async function loadOnnxNetwork(model: Uint8Array): Promise<OnnxNetwork> {
  const runtime = await importOnnxRuntime();
  const session = await runtime.InferenceSession.create(model, SESSION).catch((cause: unknown) => {
    const said = messageOf(cause);
    const isParted = said.startsWith('External data path');
    throw new Error(isParted ? `export it as one file, without external data (${said})` : said, { cause });
  });
  return new OnnxNetwork(runtime, session);
}

/** A graph of ONNX operators, which ONNX Runtime runs. */
export class OnnxNetwork implements NetworkTensors {
  readonly inputs: ReadonlyMap<string, readonly number[] | undefined>;
  readonly outputs: readonly string[];
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxSession;
  readonly #values: ReadonlyMap<string, OnnxValue>;

  constructor(runtime: OnnxRuntime, session: OnnxSession) {
    const { inputMetadata, outputMetadata } = session;
    this.#runtime = runtime;
    this.#session = session;
    this.#values = new Map([...inputMetadata, ...outputMetadata].map((value) => [value.name, value]));
    this.inputs = new Map(inputMetadata.map((value) => [value.name, shapeOf(value)]));
    this.outputs = outputMetadata.map(({ name }) => name);
  }

  nameOf(tensor: string): string {
    return tensor;
  }

  describe() {
    const declared = (names: Iterable<string>) =>
      Array.from(names, (name): DeclaredTensor => {
        return { name, type: this.#typeOf(name), shape: shapeOf(this.#values.get(name)!) };
      });
    return { inputs: declared(this.inputs.keys()), outputs: declared(this.outputs) };
  }

  inputProblem(name: string, { dtype }: TensorSpec): string | undefined {
    const type = this.#typeOf(name);
    const fed = FED[type];
    if (!fed) return `#/columns cannot fill the input tensor "${name}", which takes ${type}`;
    if (fed.dtype !== dtype) {
      return `#/columns put ${dtype} into the tensor "${name}" of ${type}: it needs "dtype": "${fed.dtype}"`;
    }
    const shape = this.inputs.get(name);
    if (shape?.[0] === -1 || shape?.[0] === 1) return undefined;
    return `the input tensor "${name}" of shape [${String(shape)}] needs an open first size, for the rows: export the model with a dynamic batch dimension`;
  }

  outputProblem(name: string): string | undefined {
    const type = this.#typeOf(name);
    return READ.has(type) ? undefined : `is of ${type}; a result is made of ${[...READ].join(', ')}`;
  }

  runnerFor({ feeds, outputTensors }: Binding): Runner {
    const { Tensor } = this.#runtime;
    const makers = feeds.map((feed) => ({ ...feed, type: this.#typeOf(feed.name) }));
    return {
      run: async ({ rows, arrays }: Columns) => {
        const inputs: Record<string, InstanceType<typeof Tensor>> = {};
        for (const { array, name, rowShape, type } of makers) {
          inputs[name] = new Tensor(type, FED[type]!.arrayOf(arrays[array]!), [rows, ...rowShape]);
        }
        const results = await this.#session.run(inputs, outputTensors);
        return outputTensors.map((name) => numbersOf(results[name]!.data));
      },
      plainBecause: undefined,
      numTensors: 0,
      dispose: () => undefined,
    };
  }

  dispose(): void {
    void this.#session.release();
  }

  #typeOf(name: string): string {
    const value = this.#values.get(name);
    return value?.isTensor
      ? value.type
      : 'a sequence or a map (of a classifier, convert it with zipmap=False)';
  }
}

const shapeOf = (value: OnnxValue): number[] | undefined =>
  value.isTensor ? value.shape.map((size) => (typeof size === 'number' ? size : -1)) : undefined;

/** Numbers of 32 bits as those of 64, low half first. */
function toInt64(column: ColumnArray): BigInt64Array {
  const halves = new Int32Array(2 * column.length);
  for (let i = 0; i < column.length; i += 1) {
    halves[2 * i] = column[i]!;
    halves[2 * i + 1] = column[i]! >> 31;
  }
  return new BigInt64Array(halves.buffer);
}

function numbersOf(data: OnnxArray): OutputValues {
  if (data instanceof Float64Array) return Float32Array.from(data);
  return data instanceof BigInt64Array ? Float32Array.from(data, Number) : data;
}
