import { h, say } from '../dom.js';
import { formatCount } from '../format.js';
import { bytesOf, createFileInput, type FileInput, IMAGE } from './file-input.js';
import { sizeOf } from './picture.js';
import { type Member, parseJson } from './schema.js';

/** One member of the input, as a person fills it in. */
export interface Field {
  name: string;
  element: HTMLElement;
  /** Undefined when it is left out. Rejects with the reason when what was written is no value. */
  read(): Promise<unknown>;
  /** Says what the service has against it; '' takes that back. */
  fail(why: string): void;
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** A control, what stands below it, and how its value is read. */
interface Filled extends Partial<Pick<FileInput, 'shown' | 'hint'>> {
  control: Control;
  read: () => unknown;
}

/** Makes the field of a member, filled with a value where there is one. */
export function createField(member: Member, value: unknown): Field {
  const id = `input-${member.name}`;
  const error = h('p', { id: `${id}-error`, class: 'error', hidden: true });
  const fail = (why: string): void => {
    say(error, why);
    control.setAttribute('aria-invalid', String(why !== ''));
  };
  const { control, shown, hint: more, read } = fill(member, value, fail);
  const hint = [member.description, rangeOf(member), more].filter((text) => text !== undefined).join(' ');
  control.id = id;
  control.setAttribute('aria-describedby', `${id}-hint ${id}-error`);
  const isGiven = ['bytes', 'image'].includes(member.kind) && value !== undefined;
  control.required = member.isRequired && !isGiven;
  const isLong = ['moment', 'text', 'json', 'bytes', 'image'].includes(member.kind);
  const label = h(
    'label',
    { for: id },
    member.title,
    !member.isRequired && h('span', { class: 'muted' }, ' (optional)'),
  );
  return {
    name: member.name,
    element: h(
      'div',
      { class: isLong ? 'field long' : 'field' },
      label,
      control,
      shown,
      h('p', { id: `${id}-hint`, class: 'hint' }, hint),
      error,
    ),
    read: async () => read(),
    fail,
  };
}

function fill(member: Member, value: unknown, fail: (why: string) => void): Filled {
  if (member.kind === 'image') return createFileInput(IMAGE, value, fail);
  if (member.kind === 'bytes' && member.shape) return createFileInput(bytesOf(member.shape), value, fail);
  const control = createControl(member, value);
  return { control, read: () => (control.value === '' ? undefined : parse(member, control.value)) };
}

function createControl(member: Member, value: unknown): Control {
  const { kind, minimum, maximum } = member;
  if (kind === 'choice' || kind === 'boolean') return createSelect(member, value);
  if (kind === 'json') {
    const area = h('textarea', { rows: 3, spellcheck: 'false' });
    area.value = value === undefined ? '' : JSON.stringify(value);
    return area;
  }
  const input = h('input', { autocomplete: 'off' });
  if (kind === 'integer' || kind === 'number') {
    input.type = 'number';
    input.step = kind === 'integer' ? '1' : 'any';
    if (minimum !== undefined) input.min = String(minimum);
    if (maximum !== undefined) input.max = String(maximum);
  }
  if (kind === 'moment') {
    input.type = 'datetime-local';
    input.step = '1';
  }
  input.value = value === undefined ? '' : written(member, value);
  return input;
}

function createSelect({ kind, choices, isRequired }: Member, value: unknown): HTMLSelectElement {
  const values = kind === 'boolean' ? [true, false] : choices;
  const select = h(
    'select',
    {},
    ...(isRequired && value !== undefined ? [] : [h('option', { value: '' }, 'not given')]),
    ...values.map((choice) => h('option', { value: JSON.stringify(choice) }, wordOf(choice))),
  );
  select.value = value === undefined ? '' : JSON.stringify(value);
  return select;
}

const wordOf = (choice: unknown): string => {
  if (typeof choice === 'boolean') return choice ? 'yes' : 'no';
  return typeof choice === 'string' ? choice : JSON.stringify(choice);
};

/** A value as its control writes it. */
function written({ kind, isLocal }: Member, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (kind !== 'moment' || (isLocal && /T[\d:.]+$/.test(text))) return text;
  const moment = new Date(text);
  return Number.isNaN(moment.getTime())
    ? ''
    : new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}

function parse({ kind, isLocal, shape }: Member, text: string): unknown {
  if (kind === 'integer' || kind === 'number') return Number(text);
  if (kind === 'json') return parseJson(text, shape);
  if (kind === 'choice' || kind === 'boolean') return JSON.parse(text);
  // The control leaves out seconds that are 0, and knows no offset: the viewer's own is meant where one is needed.
  if (kind === 'moment') return isLocal ? `${text}:00`.slice(0, 19) : new Date(text).toISOString();
  return text;
}

function rangeOf({ kind, minimum, maximum, shape }: Member): string | undefined {
  if (kind === 'json' && shape) {
    const nested = shape.length > 1 ? `, flat or in arrays of the shape [${shape.join(', ')}]` : '';
    return `${formatCount(sizeOf(shape))} numbers as JSON${nested}.`;
  }
  if (minimum !== undefined && maximum !== undefined) return `From ${minimum} to ${maximum}.`;
  if (minimum !== undefined) return `At least ${minimum}.`;
  return maximum === undefined ? undefined : `At most ${maximum}.`;
}
