import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import type { Response } from 'supertest';
import { HEADERS } from '../../api/openapi/headers.js';

/** What these checks read of an OpenAPI document. */
export interface OpenApiDocument {
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, DocumentedResponse> }>
  >;
}

interface DocumentedResponse {
  headers?: Record<string, DocumentedHeader>;
  content?: Record<string, unknown>;
}

interface DocumentedHeader {
  required?: boolean;
  schema: { type?: string };
}

/** What is held against the document of an answer. */
export type CheckedResponse = Pick<Response, 'status' | 'headers' | 'text' | 'body'>;

/** Throws when an answer is not what the document says of its operation and status. */
export type CheckResponse = (method: string, path: string, response: CheckedResponse) => void;

/** ajv with the whole document under the name `openapi`. */
export function openDocument(document: object): Ajv2020 {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  return ajv.addSchema(document, 'openapi', false, false);
}

/** The reference by which {@link openDocument} finds a part of the document. */
export const partOf = (...path: readonly string[]): string =>
  `openapi#/${path
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')}`;

const checks = new Map<string, CheckResponse>();

/**
 * Holds answers against a served document, given as text: status, media type, body, and every header that it knows. APIs that
 * serve the same document share what was compiled of it.
 */
export function responseCheckOf(document: string): CheckResponse {
  const check = checks.get(document) ?? createResponseCheck(JSON.parse(document) as OpenApiDocument);
  checks.set(document, check);
  return check;
}

/** The same of a document that is read already. */
export function createResponseCheck(document: OpenApiDocument): CheckResponse {
  const ajv = openDocument(document);
  // ajv knows a schema by its object: a new object with the same reference would be compiled with all that it refers to.
  const bodies = new Map<string, ValidateFunction>();
  const bodyOf = ($ref: string): ValidateFunction => {
    const known = bodies.get($ref) ?? ajv.compile({ $ref });
    bodies.set($ref, known);
    return known;
  };

  return (method, path, response) => {
    const template = Object.keys(document.paths).find((candidate) => matches(candidate, path));
    // HEAD is answered as GET is, without the body.
    const described = method === 'head' ? 'get' : method;
    const operation = template === undefined ? undefined : document.paths[template]?.[described];
    // What is no operation of the document, the document itself among it, has nothing to be held against.
    if (template === undefined || operation === undefined) return;
    const what = `${method} ${template} ${response.status}`;
    const documented = operation.responses[String(response.status)];
    if (!documented) throw new Error(`${what} is not documented: ${response.text}`);
    checkHeaders(documented, response, what);
    const given: string | undefined = response.headers['content-type'];
    const types = Object.keys(documented.content ?? {});
    if (types.length === 0) {
      if (response.text) throw new Error(`${what} has a body that is not documented`);
      return;
    }
    const type = types.find(
      (known) => given === known || (known.startsWith('text/') && given?.startsWith(`${known};`)),
    );
    if (type === undefined) throw new Error(`${what} is ${given}, not ${types.join(' or ')}`);
    if (method === 'head') return;
    const validate = bodyOf(
      partOf('paths', template, method, 'responses', String(response.status), 'content', type, 'schema'),
    );
    const body: unknown = /[/+]json$/.test(type) ? response.body : (response.text ?? '');
    if (!validate(body)) {
      throw new Error(`${what}: ${ajv.errorsText(validate.errors)} in ${response.text}`);
    }
  };

  function checkHeaders({ headers = {} }: DocumentedResponse, response: CheckedResponse, what: string): void {
    for (const name of Object.keys(HEADERS)) {
      const value: string | undefined = response.headers[name.toLowerCase()];
      const header = headers[name];
      if (value === undefined) {
        if (header?.required) throw new Error(`${what} lacks the header ${name}`);
        continue;
      }
      if (!header) {
        // Every answer says whether it may be stored, and varies where other origins may call: not worth a line each.
        if (name === 'Cache-Control' || name === 'Vary') continue;
        throw new Error(`${what} has the undocumented header ${name}`);
      }
      const typed = header.schema.type === 'integer' ? Number(value) : value;
      if (!ajv.validate(header.schema, typed)) {
        throw new Error(`${what}: header ${name} is ${value}: ${ajv.errorsText()}`);
      }
    }
  }
}

/** Whether a path is one of a template such as `/jobs/{id}`. */
export function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('?')[0]?.split('/') ?? [];
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}
