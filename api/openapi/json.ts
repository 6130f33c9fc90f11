/** A JSON Schema, or any other part of the document. */
export type Json = Readonly<Record<string, unknown>>;
