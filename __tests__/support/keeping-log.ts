import type { LogFields, Logger } from '../../shared/log/logger.js';

/** A logger that keeps what it is told. */
export function keepingLog(): Logger & { lines: { level: string; message: string; fields?: LogFields }[] } {
  const lines: { level: string; message: string; fields?: LogFields }[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push({ level, message, ...(fields ? { fields } : {}) });
  return {
    lines,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: (message, fields) => at('debug')(message, typeof fields === 'function' ? fields() : fields),
    isEnabled: () => true,
  };
}
