import * as fc from 'fast-check';
import type { Arbitrary } from 'fast-check';

/** Texts as they stand in JSON, to be put where a value was. Some are no JSON at all. */
const ODD_VALUES = [
  'null',
  'true',
  '0',
  '-0',
  '-1',
  '1.5',
  '265',
  '266',
  '100.00000000000001',
  '1e308',
  '1e400',
  '-1e400',
  '9007199254740993',
  '123456789012345678901234567890',
  '1E-400',
  '""',
  '"130"',
  '"NaN"',
  '"Infinity"',
  '[]',
  '{}',
  '[130]',
  '{"$ne":1}',
  '{"__proto__":{"polluted":true}}',
  '"\\ud800"',
  '"\\udfff\\ud800"',
  '"\\u0000"',
  '"a\\nb"',
  '"\u{1f41d}"',
  '"\u202e\ufeff"',
  `"${'x'.repeat(201)}"`,
  `"${'é'.repeat(200)}"`,
  '"2021-02-30T08:15:00"',
  '"2021-02-01T24:00:00Z"',
  '"2016-12-31T23:59:60Z"',
  '"0000-01-01T00:00:00"',
  '"2021-03-14T02:30:00"',
  '"2021-02-01 08:15:00"',
  '"2021-02-01T08:15:00+99:99"',
  '"../../etc/passwd"',
  '"trip-duration-linear"',
  '"__proto__"',
  'NaN',
  'Infinity',
  '-Infinity',
  'undefined',
  '0x10',
  '01',
  '1.',
  '.5',
  '+1',
  "'x'",
  '"\u0001"',
  '"\\x41"',
  '"open',
] as const;

const ODD_NAMES = [
  'extra',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'input',
  'model',
  'request_id',
  'inputs',
  '',
  'a/b~c',
  '%',
  '\u{1f41d}',
  'PULocationID',
  'trip_distance',
  'n'.repeat(2_000),
] as const;

const oddValue: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...ODD_VALUES),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.double().map(String),
  fc.constantFrom(50, 5_000, 20_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
  fc.constantFrom(50, 5_000).map((depth) => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth)),
);

/** A change to a JSON text: which place of those that fit, and what becomes of it. */
type Change = (text: string, place: number) => string;

const replaceValue =
  (value: string): Change =>
  (text, place) =>
    replaceNth(
      text,
      /(?<=:|\[|,)(?:"(?:[^"\\]|\\.)*"|-?[\d.]+(?:e[+-]?\d+)?|true|false|null|\{\}|\[\])(?=[,\]}])/gi,
      { place, by: () => value },
    );

const addMember =
  (name: string, value: string): Change =>
  (text, place) =>
    replaceNth(text, /\{/g, { place, by: () => `{${JSON.stringify(name)}:${value},` });

const repeatMember: Change = (text, place) =>
  replaceNth(text, /"[^"\\]*":[^,{}[\]]*(?=[,}])/g, { place, by: (member) => `${member},${member}` });

const dropMember: Change = (text, place) =>
  replaceNth(text, /"[^"\\]*":[^,{}[\]]*,/g, { place, by: () => '' });

const renameMember =
  (name: string): Change =>
  (text, place) =>
    replaceNth(text, /"[^"\\]*"(?=:)/g, { place, by: () => JSON.stringify(name) });

const cut: Change = (text, place) => text.slice(0, place % (text.length + 1));
const append =
  (tail: string): Change =>
  (text) =>
    text + tail;
const prepend =
  (head: string): Change =>
  (text) =>
    head + text;
const insert =
  (middle: string): Change =>
  (text, place) => {
    const at = place % (text.length + 1);
    return text.slice(0, at) + middle + text.slice(at);
  };
const wrap =
  (head: string, tail: string): Change =>
  (text) =>
    head + text + tail;
const instead =
  (other: string): Change =>
  () =>
    other;

const change: Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: oddValue.map(replaceValue) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom(...ODD_NAMES), oddValue)
      .map(([name, value]) => addMember(name, value)),
  },
  { weight: 1, arbitrary: fc.constantFrom(repeatMember, dropMember) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD_NAMES).map(renameMember) },
  { weight: 1, arbitrary: fc.constant(cut) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('x', '{}', ',', '\n\n', '\0', '// end', ' '.repeat(70_000)).map(append),
  },
  { weight: 1, arbitrary: fc.constantFrom('\ufeff', ")]}'\n", '/**/', '\r\n\t ', '[').map(prepend) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('\0', '\u0007', ',', '"', '\\', '\u{1f41d}', '\u2028').map(insert),
  },
  { weight: 1, arbitrary: fc.constantFrom(wrap('[', ']'), wrap('{"input":', '}'), wrap('"', '"')) },
  { weight: 1, arbitrary: oddValue.map(instead) },
  { weight: 1, arbitrary: fc.constantFrom('', ' ', '{', '}', 'null', 'a=1&b=2', '<xml/>').map(instead) },
);

/** One or two changes to a JSON text. The first of them may hit what the second changes again. */
export const brokenJson: Arbitrary<(text: string) => string> = fc
  .array(fc.tuple(change, fc.nat({ max: 200 })), { minLength: 1, maxLength: 2 })
  .map(
    (changes) => (text: string) => changes.reduce((changed, [apply, place]) => apply(changed, place), text),
  );

function replaceNth(
  text: string,
  pattern: RegExp,
  { place, by }: { place: number; by: (found: string) => string },
): string {
  const all = [...text.matchAll(pattern)];
  const chosen = all[place % Math.max(1, all.length)];
  if (!chosen) return text;
  return text.slice(0, chosen.index) + by(chosen[0]) + text.slice(chosen.index + chosen[0].length);
}
