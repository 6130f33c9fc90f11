import type { EventEmitter } from 'node:events';
import { accessSync, constants } from 'node:fs';
import winston from 'winston';
import DailyRotateFile from 'winston-daily-rotate-file';
import Transport from 'winston-transport';
import { ConfigError, messageOf } from '../errors.js';
import { makeFolder } from '../process/make-folder.js';
import { sparingly } from '../process/sparingly.js';
import { systemReason } from '../system-error.js';

/** Severities, most severe first. */
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where log lines go. */
export interface LogConfig {
  level: LogLevel;
  /** Folder of daily files beside standard output; undefined for none. */
  dir: string | undefined;
  /** Human-readable lines instead of JSON. */
  pretty: boolean;
}

/** Members of one log line beside its message. Ids are named `job_id` and `request_id` on both sides of the queue. */
export type LogFields = Record<string, unknown>;

/** A log, without a word of winston. */
export interface Logger {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** `fields` runs only where debug lines are written. */
  debug(message: string, fields?: () => LogFields): void;
  /** Whether lines of this level are written. */
  isEnabled(level: LogLevel): boolean;
}

type Line = winston.Logform.TransformableInfo;

/** Members whose values never reach a log line. */
const SECRET = /authorization|cookie|password|secret|api_?key/i;

/**
 * Opens a winston logger: JSON lines (or pretty ones) on standard output, and daily files when asked for. Throws a
 * {@link ConfigError} where their folder cannot be.
 */
export function createLogger(service: string, config: LogConfig): Logger {
  const json = winston.format(jsonLine)();
  const output = new StandardOutput(
    config.pretty
      ? winston.format.combine(
          winston.format.timestamp({ format: 'HH:mm:ss.SSS' }),
          winston.format(redact)(),
          winston.format.printf(prettyLine),
        )
      : json,
  );
  const file = config.dir === undefined ? [] : [dailyFiles(service, config.dir, json)];
  const logger = winston.createLogger({
    level: config.level,
    // Unless told otherwise every line is made into JSON once more before any of these gets it.
    format: winston.format((info) => info)(),
    defaultMeta: { service, pid: process.pid },
    transports: [output, ...file],
  });
  return {
    error: (message, fields) => void logger.error(message, fields),
    warn: (message, fields) => void logger.warn(message, fields),
    info: (message, fields) => void logger.info(message, fields),
    debug(message, fields) {
      if (logger.isLevelEnabled('debug')) logger.debug(message, fields?.());
    },
    isEnabled: (level) => logger.isLevelEnabled(level),
  };
}

function dailyFiles(service: string, dirname: string, format: winston.Logform.Format): DailyRotateFile {
  try {
    makeFolder(dirname);
    accessSync(dirname, constants.W_OK);
  } catch (error) {
    throw new ConfigError([
      `LOG_DIR must be a folder that can be written to, not "${dirname}": ${systemReason(error)}`,
    ]);
  }
  const files: DailyRotateFile & { logStream?: EventEmitter } = new DailyRotateFile({
    dirname,
    filename: `${service}-%DATE%.log`,
    datePattern: 'YYYY-MM-DD',
    maxFiles: '14d',
    format,
  });
  files.logStream?.on('error', tellLost);
  return files.on('error', tellLost);
}

const TELL_EVERY_MS = 60_000;

/** A disk that is full costs lines of the files, not the process. */
const tellLost = sparingly(TELL_EVERY_MS, (error: unknown) => {
  process.stderr.write(`LOG_DIR takes no lines: ${systemReason(error) ?? messageOf(error)}\n`);
});

function redact(info: Line): Line {
  for (const name of Object.keys(info)) if (memberOf(name).isSecret) info[name] = REDACTED;
  return info;
}

const REDACTED = '[redacted]';
const MOST_MEMBERS = 1_000;
const members = new Map<string, { start: string; isSecret: boolean }>();

/** How a member of a line begins in JSON, and whether its value is kept out. The names are few. */
function memberOf(name: string): { start: string; isSecret: boolean } {
  const known = members.get(name);
  if (known) return known;
  const member = { start: `,${JSON.stringify(name)}:`, isSecret: SECRET.test(name) };
  if (members.size < MOST_MEMBERS) members.set(name, member);
  return member;
}

const MESSAGE = Symbol.for('message');
const anyJson = winston.format.json();

/** Writes one line of JSON, the common members first. Winston's own JSON format takes several times as long. */
function jsonLine(info: Line): Line | boolean {
  const { level, message } = info;
  const timestamp = new Date().toISOString();
  try {
    let line = `{"timestamp":"${timestamp}","level":"${level}","message":${JSON.stringify(message)}`;
    for (const name in info) {
      const value = info[name];
      if (value === undefined || name === 'level' || name === 'message') continue;
      const { start, isSecret } = memberOf(name);
      line += start + (isSecret ? `"${REDACTED}"` : JSON.stringify(value));
    }
    info[MESSAGE] = `${line}}`;
    return info;
  } catch {
    // Cycles, and numbers that JSON does not have.
    return anyJson.transform(redact(Object.assign(info, { timestamp })), anyJson.options);
  }
}

/** Lines wait so long for others, in ms. */
const GATHER_MS = 10;

/**
 * Standard output. Lines that come within a few milliseconds are written as one piece, and what is left when the process
 * exits: on a busy process a write a line costs more than making the line.
 */
class StandardOutput extends Transport {
  #waiting = '';

  constructor(format: winston.Logform.Format) {
    super({ format });
    process.once('exit', () => this.#write());
  }

  override log(info: Line, next: () => void): void {
    if (this.#waiting === '') setTimeout(() => this.#write(), GATHER_MS).unref();
    this.#waiting += `${String(info[MESSAGE])}\n`;
    next();
  }

  #write(): void {
    const text = this.#waiting;
    this.#waiting = '';
    if (text !== '') process.stdout.write(text);
  }
}

const MARK: Record<string, string> = {
  error: '\u001b[31m✖\u001b[0m',
  warn: '\u001b[33m▲\u001b[0m',
  info: '\u001b[36m•\u001b[0m',
  debug: '·',
};

function prettyLine({ level, message, timestamp, service, pid, ...fields }: Line): string {
  const rest = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
  return `\u001b[2m${String(timestamp)}\u001b[0m ${MARK[level] ?? level} \u001b[1m${String(service)}[${String(pid)}]\u001b[0m ${String(message)} \u001b[2m${rest}\u001b[0m`.trimEnd();
}
