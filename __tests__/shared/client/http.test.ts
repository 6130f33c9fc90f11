import { parseRetryAfter } from '../../../shared/client/http.js';

describe('parseRetryAfter', () => {
  it.each([
    ['2', 2000],
    ['0', 0],
    ['1.5', undefined],
    ['soon', undefined],
    [null, undefined],
    ['Mon, 01 Jan 2024 00:00:00 GMT', 0],
  ])('takes %s for %s ms', (header, ms) => {
    expect(parseRetryAfter(header)).toBe(ms);
  });

  it('takes a date for the time until then', () => {
    const inTenSeconds = new Date(Date.now() + 10_000).toUTCString();
    expect(parseRetryAfter(inTenSeconds)).toBeGreaterThan(8_000);
  });
});
