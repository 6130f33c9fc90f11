import type { LogFields, Logger, LogLevel } from '../../shared/log/logger.js';

/** A line that was logged. */
export interface LogLine {
  level: LogLevel;
  message: string;
  fields: LogFields;
}

/** A logger that keeps what it is told. */
export function recordingLog(): Logger & { lines: LogLine[]; said(message: string): LogLine | undefined } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  return {
    lines,
    said: (message) => lines.find((line) => line.message === message),
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: (message, fields) => at('debug')(message, typeof fields === 'function' ? fields() : fields),
    isEnabled: () => true,
  };
}
