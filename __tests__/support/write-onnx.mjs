/** Numbers of ONNX's element types (onnx.proto, TensorProto.DataType). */
export const TYPES = /** @type {const} */ ({
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
});

/**
 * A tensor that goes in or comes out. Sizes that are open have names. `isSequence`: a list of such tensors.
 *
 * @typedef {{ name: string, type: keyof typeof TYPES, shape: readonly (number | string)[], isSequence?: boolean }} Value
 */

/**
 * @typedef {{ op: string, inputs: readonly string[], output: string, attributes?: Record<string, number> }} Node
 * Attributes are whole numbers.
 */

/**
 * A tensor of fixed numbers; `file`: they lie there, and not in the model.
 *
 * @typedef {{ name: string, shape: readonly number[], data: Float32Array | BigInt64Array, file?: string }} Constant
 */

/**
 * A model in ONNX (version 8 of the format, opset 13), as onnx.proto lays it out.
 *
 * @param {{ inputs: readonly Value[], outputs: readonly Value[], nodes: readonly Node[], constants?: readonly Constant[] }} graph
 */
export function writeOnnx({ inputs, outputs, nodes, constants = [] }) {
  const graph = [
    ...nodes.map((node) => field(1, nodeOf(node))),
    field(2, 'graph'),
    ...constants.map((constant) => field(5, tensorOf(constant))),
    ...inputs.map((value) => field(11, valueOf(value))),
    ...outputs.map((value) => field(12, valueOf(value))),
  ];
  return message(field(1, 8), field(7, message(...graph)), field(8, message(field(2, 13))));
}

/** @param {Node} node */
const nodeOf = ({ op, inputs, output, attributes = {} }) =>
  message(
    ...inputs.map((name) => field(1, name)),
    field(2, output),
    field(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      field(5, message(field(1, name), field(3, value), field(20, 2))),
    ),
  );

/** @param {Constant} constant */
const tensorOf = ({ name, shape, data, file }) =>
  message(
    ...shape.map((size) => field(1, size)),
    field(2, data instanceof Float32Array ? TYPES.float32 : TYPES.int64),
    field(8, name),
    ...(file === undefined
      ? [field(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength))]
      : [field(13, message(field(1, 'location'), field(2, file))), field(14, 1)]),
  );

/** @param {Value} value */
function valueOf({ name, type, shape, isSequence }) {
  const sizes = shape.map((size) => field(1, message(field(typeof size === 'number' ? 1 : 2, size))));
  const tensor = message(field(1, message(field(1, TYPES[type]), field(2, message(...sizes)))));
  return message(
    field(1, name),
    field(2, isSequence ? message(field(4, message(field(1, tensor)))) : tensor),
  );
}

const message = (/** @type {Buffer[]} */ ...fields) => Buffer.concat(fields);

/**
 * One field of a message of Protocol Buffers.
 *
 * @param {number} number
 * @param {number | string | Buffer} value
 */
function field(number, value) {
  if (typeof value === 'number') return message(varint(number << 3), varint(value));
  const bytes = Buffer.from(value);
  return message(varint((number << 3) | 2), varint(bytes.length), bytes);
}

/** @param {number} value */
function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}
