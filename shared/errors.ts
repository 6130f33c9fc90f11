/**
 * Base of every error this project throws on purpose. `code` is stable and may be matched on; the message is
 * for people and says what to do next. Nothing here knows of HTTP: the API maps codes to answers in one file.
 */
export abstract class AppError extends Error {
  override name = this.constructor.name;
  abstract readonly code: string;
}

/** The environment holds values the process cannot start with. Names every one of them at once. */
export class ConfigError extends AppError {
  readonly code = 'config_invalid';
  constructor(readonly problems: readonly string[]) {
    super(`cannot start with this configuration:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/** A model package cannot be used. `where` is its folder or file. */
export class ModelPackageError extends AppError {
  readonly code = 'model_package_invalid';
  constructor(
    readonly where: string,
    readonly problems: readonly string[],
  ) {
    super(`model package ${where}:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/** Redis did not answer within the deadline, refused, or is away. The call may or may not have taken effect. */
export class RedisUnavailableError extends AppError {
  readonly code = 'redis_unavailable';
  constructor(operation: string, options?: ErrorOptions) {
    super(`Redis did not complete ${operation}`, options);
  }
}

/** Redis has what was written, and too few of its replicas have it: a failover at this moment may lose it. */
export class NotReplicatedError extends RedisUnavailableError {
  constructor(count: number, wanted: number, withinMs: number) {
    super(`a write on ${wanted} replicas within ${withinMs} ms: ${count} had it`);
  }
}

/** Records in Redis were written by another version of this software, or in another number of partitions; they are not read half-way. */
export class RecordSchemaError extends AppError {
  readonly code = 'record_schema_unknown';
  constructor(key: string, found: string, expected: string) {
    const [schema, others] = [found, expected].map((text) => text.replace(/ in \d+ partitions$/, ''));
    super(
      `${key} has record schema ${found}, this version reads schema ${expected}: ` +
        (schema === others
          ? 'PARTITIONS stays as it was at the first start; to change it, give the deployment another KEY_PREFIX (docs/growing.md)'
          : 'run the version that wrote it, or give this one another KEY_PREFIX (docs/upgrading.md)'),
    );
  }
}

/** The message of anything thrown, for logs and for errors that carry a cause. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
