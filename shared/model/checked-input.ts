import type { Ajv2020 } from 'ajv/dist/2020.js';
import type { SchemaValidateFunction } from 'ajv';
import { createAjv } from '../validation/ajv.js';
import type { Manifest } from './manifest.js';
import { isTensorColumn, problemOfTensor, type TensorColumn } from './tensor-members.js';

/** The keyword `tensor`: the value fills a whole tensor, as the column says that the keyword holds. */
const checkTensor: SchemaValidateFunction = (column: TensorColumn, value: unknown) => {
  const message = problemOfTensor(value, column);
  checkTensor.errors = message === undefined ? [] : [{ keyword: 'tensor', message }];
  return message === undefined;
};

/** ajv for {@link checkedInput}. */
export function createInputAjv(): Ajv2020 {
  const ajv = createAjv();
  ajv.addKeyword({ keyword: 'tensor', schemaType: 'object', errors: 'full', validate: checkTensor });
  return ajv;
}

/** The schema against which inputs are checked: it finds one fault of a long array where its documented one finds a thousand. */
export function checkedInput({ input, columns }: Pick<Manifest, 'input' | 'columns'>): Manifest['input'] {
  const properties: Record<string, object> = { ...input.properties };
  for (const column of columns.filter(isTensorColumn)) {
    properties[column.member] = { type: column.encoding === 'array' ? 'array' : 'string', tensor: column };
  }
  return { ...input, properties };
}
