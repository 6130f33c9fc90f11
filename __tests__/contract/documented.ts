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

/** Throws when an answer is not what the document says of its operation and status. */
export type CheckResponse = (method: string, path: string, response: Response) => void;

/** Holds answers against the served document: status, media type, body, and every header that it knows. */
export function createResponseCheck(document: OpenApiDocument): CheckResponse {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(document, 'openapi', false, false);

  return (method, path, response) => {
    const template = Object.keys(document.paths).find((candidate) => matches(candidate, path));
    const operation = template === undefined ? undefined : document.paths[template]?.[method];
    // What is no operation of the document, the document itself among it, has nothing to be held against.
    if (template === undefined || operation === undefined) return;
    const what = `${method} ${template} ${response.status}`;
    const documented = operation.responses[String(response.status)];
    if (!documented) throw new Error(`${what} is not documented: ${response.text}`);
    checkHeaders(documented, response, what);
    const [type] = Object.keys(documented.content ?? {});
    if (type === undefined) {
      if (response.text) throw new Error(`${what} has a body that is not documented`);
      return;
    }
    if (response.headers['content-type'] !== type) {
      throw new Error(`${what} is ${response.headers['content-type']}, not ${type}`);
    }
    const escaped = [template, method, 'responses', String(response.status), 'content', type, 'schema']
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/');
    const schema = { $ref: `openapi#/paths/${escaped}` };
    const body: unknown = type.includes('json') ? response.body : response.text;
    if (!ajv.validate(schema, body)) {
      throw new Error(`${what}: ${ajv.errorsText()} in ${response.text}`);
    }
  };

  function checkHeaders({ headers = {} }: DocumentedResponse, response: Response, what: string): void {
    for (const name of Object.keys(HEADERS)) {
      const value: string | undefined = response.headers[name.toLowerCase()];
      const header = headers[name];
      if (value === undefined) {
        if (header?.required) throw new Error(`${what} lacks the header ${name}`);
        continue;
      }
      if (!header) {
        // Every answer says whether it may be stored; errors are not worth a line in the document for that.
        if (name === 'Cache-Control') continue;
        throw new Error(`${what} has the undocumented header ${name}`);
      }
      const typed = header.schema.type === 'integer' ? Number(value) : value;
      if (!ajv.validate(header.schema, typed)) {
        throw new Error(`${what}: header ${name} is ${value}: ${ajv.errorsText()}`);
      }
    }
  }
}

function matches(template: string, path: string): boolean {
  const wanted = template.split('/');
  const given = path.split('?')[0]?.split('/') ?? [];
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => (part.startsWith('{') ? given[i] !== '' : part === given[i]))
  );
}
