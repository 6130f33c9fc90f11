import { fingerprintOf, parseIdempotencyKey } from '../../../api/http/idempotency-key.js';
import { parsePrefer, preferenceApplied } from '../../../api/http/prefer.js';
import { matchesEtag, parseTraceparent, requestIdOf } from '../../../api/http/request-headers.js';

describe('Prefer', () => {
  it.each([
    [undefined, undefined, false],
    ['wait=10', 10, false],
    ['WAIT = "7"', 7, false],
    ['respond-async', undefined, true],
    ['Respond-Async;foo=1, wait=3', 3, true],
    ['wait=1, wait=2', 1, false],
    ['wait=soon, wait=2', undefined, false],
    ['wait=61', 60, false],
    ['wait=0', 0, false],
    ['wait=-1', undefined, false],
    ['wait=1.5', undefined, false],
    ['wait', undefined, false],
    ['note="wait=9, respond-async"', undefined, false],
    ['note="a \\" b, wait=9", wait=4', 4, false],
    [',, ;;=, wait=5 ,', 5, false],
    ['x="open, wait=5', undefined, false],
    ['respond-async=no', undefined, false],
  ])('%s', (header, waitSeconds, respondAsync) => {
    expect(parsePrefer(header)).toEqual({ waitSeconds, respondAsync });
  });

  it('is applied as far as it was honoured', () => {
    expect(preferenceApplied({ waitSeconds: undefined, respondAsync: false })).toBeUndefined();
    expect(preferenceApplied({ waitSeconds: 5, respondAsync: true })).toBe('respond-async, wait=5');
  });

  it('costs no more than a second of CPU even when it is written to take long', () => {
    const before = process.cpuUsage();
    parsePrefer(`wait${' '.repeat(7_000)}=${'"\\'.repeat(4_000)}`);
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});

describe('Idempotency-Key', () => {
  it.each([
    ['abc', 'abc'],
    ['"abc"', 'abc'],
    ['"a \\"b\\" \\\\c"', 'a "b" \\c'],
    [' 8e03978e-40d5-43e8-bc93-6894a57f9324 ', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
  ])('%s means %s', (header, key) => {
    expect(parseIdempotencyKey(header)).toBe(key);
  });

  it.each(['', '""', 'a b', '"a', 'a"b', '"a"; p=1', 'é', 'x'.repeat(256)])('%s is none', (header) => {
    expect(() => parseIdempotencyKey(header)).toThrow('visible ASCII');
  });

  it('is compared with bodies whatever the order of their members, at any depth', () => {
    const a = fingerprintOf('POST /jobs', { x: 1, y: { p: [1, 2], q: null } });
    expect(fingerprintOf('POST /jobs', { y: { q: null, p: [1, 2] }, x: 1 })).toBe(a);
    expect(fingerprintOf('POST /jobs', { y: { q: null, p: [2, 1] }, x: 1 })).not.toBe(a);
    expect(fingerprintOf('POST /other', { x: 1, y: { p: [1, 2], q: null } })).not.toBe(a);
  });
});

describe('If-None-Match', () => {
  it.each([
    [undefined, false],
    ['*', true],
    ['W/"a"', true],
    ['"a"', true],
    ['"x", W/"a"', true],
    ['"x"', false],
    ['a', false],
    ['"a', false],
  ])('%s', (header, matches) => {
    expect(matchesEtag(header, 'W/"a"')).toBe(matches);
  });
});

describe('traceparent', () => {
  const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
  const SPAN = '00f067aa0ba902b7';

  it.each([
    [`00-${TRACE}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01`],
    [` 00-${TRACE}-${SPAN}-00 `, `00-${TRACE}-${SPAN}-00`],
    [`01-${TRACE}-${SPAN}-01-more`, `00-${TRACE}-${SPAN}-01`],
    [`00-${TRACE}-${SPAN}-01-more`, undefined],
    [`ff-${TRACE}-${SPAN}-01`, undefined],
    [`00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    ['00-abc', undefined],
    [undefined, undefined],
  ])('%s', (header, kept) => {
    expect(parseTraceparent(header)).toBe(kept);
  });
});

describe('X-Request-Id', () => {
  it('is taken when it can stand in a header and a log line', () => {
    expect(requestIdOf('req-7/a:b')).toBe('req-7/a:b');
  });

  it.each([undefined, '', 'a b', 'a\tb', 'x'.repeat(129), 'é'])('is made instead of %j', (header) => {
    expect(requestIdOf(header)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
  });
});
