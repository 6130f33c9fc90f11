import { JSON_NUMBER } from '../../shared/text/cells.js';
import { isRecord } from '../../shared/text/is-record.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { BatchCommandError } from './batch-error.js';
import type { Column, PageValues, SourcePage } from './input/source.js';

/** Where the members of a model's input come from. */
export interface InputMapping {
  model: Pick<ModelBody, 'name' | 'input'>;
  /** Columns that the file has, or that its first rows have. */
  columns: readonly string[];
  /** Column by member, where they have different names. */
  renamed: ReadonlyMap<string, string>;
}

/** Writes the rows of a page as inputs, JSON texts. Empty and absent cells are absent members; `null` stands for no row. */
export interface InputWriter {
  (page: SourcePage, values: PageValues): (row: number) => string;
  /** The columns that it reads. */
  columns: readonly string[];
}

interface MappedMember {
  member: string;
  column: string;
  /** Text is read as a number where it is one. */
  isNumber: boolean;
  /** `"member":`. */
  key: string;
}

/**
 * Maps rows to inputs. `hasInputTexts`: the texts of rows are JSON. Throws {@link BatchCommandError} that names the
 * option that does not fit the file or the model.
 */
export function createInputWriter(mapping: InputMapping, hasInputTexts: boolean): InputWriter {
  const members = mappedMembers(mapping);
  const isPlain = plainRowTest(members);
  const writer = ({ texts }: SourcePage, values: PageValues) => {
    const { objects, unreadable } = values;
    const write = inputOf(members.map((member) => ({ ...member, read: values.column(member.column) })));
    return (row: number): string => {
      if (unreadable.has(row)) return 'null';
      return (hasInputTexts && isPlain(objects?.[row]) ? texts?.at(row) : undefined) ?? write(row);
    };
  };
  return Object.assign(writer, { columns: members.map(({ column }) => column) });
}

function inputOf(members: readonly (MappedMember & { read: Column })[]): (row: number) => string {
  return (row) => {
    let text = '';
    for (const { read, key, isNumber } of members) {
      const value = read(row);
      if (value === undefined || value === null || value === '') continue;
      text += `${text === '' ? '{' : ','}${key}${valueText(value, isNumber)}`;
    }
    return text === '' ? '{}' : `${text}}`;
  };
}

function valueText(value: unknown, isNumber: boolean): string {
  if (typeof value === 'number') return `${value}`;
  if (isNumber && typeof value === 'string' && JSON_NUMBER.test(value)) return value;
  return JSON.stringify(value);
}

/** Whether a row of JSON is an input as it stands: nothing in it is to be left away, renamed or converted. */
function plainRowTest(
  members: readonly MappedMember[],
): (values: Readonly<Record<string, unknown>> | undefined) => boolean {
  const known = new Map(members.filter(({ member, column }) => member === column).map((m) => [m.member, m]));
  const needsRenaming = known.size < members.length;
  return (values) => {
    if (needsRenaming || !values) return false;
    for (const name in values) {
      const member = known.get(name);
      const value = values[name];
      if (!member || value === null || value === '') return false;
      if (member.isNumber && typeof value === 'string') return false;
    }
    return true;
  };
}

function mappedMembers({ model, columns, renamed }: InputMapping): MappedMember[] {
  const { properties, required } = model.input;
  const schemas = isRecord(properties) ? properties : {};
  const names = Object.keys(schemas);
  for (const [member, column] of renamed) {
    if (!names.includes(member)) {
      throw new BatchCommandError(
        `--map ${member}=${column}: ${model.name} takes ${names.join(', ')}, not ${member}`,
      );
    }
    if (!columns.includes(column)) {
      throw new BatchCommandError(
        `--map ${member}=${column}: the file has no column ${column}; ${has(columns)}`,
      );
    }
  }
  const columnOf = (name: string): string => renamed.get(name) ?? name;
  const missing = Array.isArray(required)
    ? required.map(String).filter((name) => !columns.includes(columnOf(name)))
    : [];
  if (missing.length > 0) {
    throw new BatchCommandError(
      `the file has no column ${missing.join(', ')}, which ${model.name} needs: name the right one with ` +
        `--map ${missing[0]}=COLUMN; ${has(columns)}`,
    );
  }
  // A member without a column may still turn up in later rows of a file that does not name its columns.
  return names.map((member) => ({
    member,
    column: columnOf(member),
    isNumber: isNumeric(schemas[member]),
    key: `${JSON.stringify(member)}:`,
  }));
}

const has = (columns: readonly string[]): string => `it has ${columns.join(', ')}`;

function isNumeric(schema: unknown): boolean {
  const types = isRecord(schema) ? [schema['type']].flat() : [];
  return types.some((type) => type === 'number' || type === 'integer');
}
