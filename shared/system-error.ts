import { isRecord } from './text/is-record.js';
import { messageOf } from './errors.js';

const NO_ACCESS = 'this user is not allowed to';
const NO_SPACE = 'no space is left there';
const NO_FOLDER = 'it is a file, or lies below one';
const REASONS: Readonly<Record<string, string>> = {
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  EROFS: 'it is read only',
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such file or folder',
  ENAMETOOLONG: 'its name is too long',
};

/** The `code` of a system error, such as EEXIST; undefined for anything without one. */
export const errorCode = (error: unknown): unknown => (isRecord(error) ? error['code'] : undefined);

/** The reason of a system error about a file or folder, in words; undefined for any other error. */
export function systemReason(error: unknown): string | undefined {
  const isSystems = isRecord(error) && 'syscall' in error && 'code' in error;
  return isSystems ? (REASONS[String(error['code'])] ?? messageOf(error)) : undefined;
}

/** The reason as {@link systemReason} has it, with the path. */
export function systemProblem(error: unknown): string | undefined {
  const reason = systemReason(error);
  return reason !== undefined && isRecord(error) && 'path' in error
    ? `${String(error['path'])}: ${reason}`
    : reason;
}
