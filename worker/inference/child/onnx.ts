import { devNull } from 'node:os';
import { messageOf } from '../../../shared/errors.js';
import type { ColumnArray, TensorSpec } from '../../../shared/model/columns.js';
import type { ModelFiles } from '../parent/model-files.js';
import type { DeclaredTensor, Network, OutputValues } from './binding.js';
import { importOptional } from './engines/engine.js';

/** A tensor of ONNX Runtime. Numbers of 64 bits are of arrays of their own. */
interface OnnxTensor {
  data: OnnxArray;
}
type OnnxArray = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A tensor of a graph; a sequence or a map has neither type nor shape. Sizes that are open are names, or no number. */
type OnnxValue =
  | { name: string; isTensor: false }
  | { name: string; isTensor: true; type: string; shape: readonly (number | string | undefined)[] };

/** A graph that is loaded. */
interface OnnxSession {
  inputMetadata: readonly OnnxValue[];
  outputMetadata: readonly OnnxValue[];
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    fetches: readonly string[],
  ): Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): Promise<void>;
}

/** The part of `onnxruntime-node` that inference uses, so that the build needs none of its types. */
interface OnnxRuntime {
  env: { versions: { node?: string } };
  InferenceSession: { create(model: Uint8Array, options: object): Promise<OnnxSession> };
  Tensor: new (type: string, data: OnnxArray, shape: readonly number[]) => OnnxTensor;
}

const importOnnxRuntime = (): Promise<OnnxRuntime> =>
  importOptional('onnxruntime-node') as Promise<OnnxRuntime>;

/** Loads ONNX Runtime, which brings its own kernels for the CPU. */
export async function loadOnnx(): Promise<string> {
  const { env } = await importOnnxRuntime();
  return `CPU, ONNX Runtime ${env.versions.node ?? 'of an unknown version'}`;
}

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

/** Loads a graph of ONNX operators. Throws what ONNX Runtime says of bytes that are no graph, or one that it cannot run. */
export async function loadOnnxNetwork({ weights }: ModelFiles): Promise<Network> {
  const { InferenceSession, Tensor } = await importOnnxRuntime();
  const session = await InferenceSession.create(weights, SESSION).catch((cause: unknown) => {
    const said = messageOf(cause);
    const isParted = said.startsWith('External data path');
    throw new Error(isParted ? `export it as one file, without external data (${said})` : said, { cause });
  });
  const inputs = session.inputMetadata.map(declared);
  return {
    inputs,
    outputs: session.outputMetadata.map(declared),
    inputProblem({ name, type, shape }, { dtype }) {
      const fed = FED[type];
      if (!fed) return `#/columns cannot fill the input tensor "${name}", which takes ${type}`;
      if (fed.dtype !== dtype) {
        return `#/columns put ${dtype} into the tensor "${name}" of ${type}: it needs "dtype": "${fed.dtype}"`;
      }
      if (shape?.[0] === -1 || shape?.[0] === 1) return undefined;
      return `the input tensor "${name}" of shape [${String(shape)}] needs an open first size, for the rows: export the model with a dynamic batch dimension`;
    },
    outputProblem: ({ type }) =>
      READ.has(type) ? undefined : `is of ${type}; a result is made of ${[...READ].join(', ')}`,
    runnerFor({ feeds, outputTensors }) {
      const types = feeds.map((feed) => inputs.find(({ name }) => name === feed.name)!.type);
      return {
        async run({ rows, arrays }) {
          const fed: Record<string, OnnxTensor> = {};
          feeds.forEach(({ name, rowShape }, i) => {
            const type = types[i]!;
            fed[name] = new Tensor(type, FED[type]!.arrayOf(arrays[i]!), [rows, ...rowShape]);
          });
          const results = await session.run(fed, outputTensors);
          return outputTensors.map((name) => numbersOf(results[name]!.data));
        },
        plainBecause: undefined,
        numTensors: 0,
        dispose: () => undefined,
      };
    },
    dispose: () => void session.release(),
  };
}

const declared = (value: OnnxValue): DeclaredTensor => ({
  name: value.name,
  aliases: [],
  type: value.isTensor ? value.type : 'a sequence or a map (of a classifier, convert it with zipmap=False)',
  shape: value.isTensor ? value.shape.map((size) => (typeof size === 'number' ? size : -1)) : undefined,
});

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
