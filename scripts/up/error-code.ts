/** The `code` of a system error, such as EEXIST; undefined for anything without one. */
export const errorCode = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
