import type { OpenApiDocument } from '../support/documented.js';

/** A JSON Schema as the document holds it. */
export interface Schema {
  $ref?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  contains?: Schema;
  minItems?: number;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  format?: string;
  pattern?: string;
  examples?: unknown[];
}

/** A parameter of an operation. */
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  schema: Schema;
}

interface Described {
  operationId: string;
  parameters?: { $ref: string }[];
  requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> };
}

/** The served document, as far as requests are made of it. */
export interface FuzzDocument extends OpenApiDocument {
  components: { schemas: Record<string, Schema>; parameters: Record<string, Parameter> };
}

/** One operation with everything that it refers to. */
export interface FuzzOperation {
  id: string;
  method: string;
  /** Such as `/jobs/{id}`. */
  path: string;
  parameters: Parameter[];
  /** Media type to schema and example; empty for an operation without a body. */
  bodies: Record<string, { schema: Schema; example?: unknown }>;
}

/** Every operation of a document. */
export function operationsOf(document: FuzzDocument): FuzzOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => {
      const { operationId: id, parameters = [], requestBody } = described as Described;
      return {
        id,
        method,
        path,
        parameters: parameters.map(({ $ref }) => parameterOf(document, $ref)),
        bodies: requestBody?.content ?? {},
      };
    }),
  );
}

function parameterOf({ components }: FuzzDocument, reference: string): Parameter {
  const found = components.parameters[reference.split('/').at(-1) ?? ''];
  if (!found) throw new Error(`the document refers to ${reference} and does not hold it`);
  return found;
}

/** The schema that a schema stands for: itself, or the component that it refers to. */
export function resolveSchema({ components }: FuzzDocument, schema: Schema): Schema {
  if (schema.$ref === undefined) return schema;
  const found = components.schemas[schema.$ref.split('/').at(-1) ?? ''];
  if (!found) throw new Error(`the document refers to ${schema.$ref} and does not hold it`);
  return found;
}
