import { styleFor } from '../../../scripts/lib/terminal.js';
import { type BannerFacts, bannerLines } from '../../../scripts/up/banner.js';

const model = {
  title: 'A model',
  description: 'Predicts',
  input: {},
  outputs: [],
  figures: {},
  links: { self: '/models/m' },
};
const facts: BannerFacts = {
  url: 'http://127.0.0.1:8182',
  models: [
    { ...model, name: 'm', version: '1.0.0', default: true, example: { x: 1 } },
    { ...model, name: 'n', version: '2.1.0', default: false, example: { y: 2 } },
  ],
  engines: ['wasm'],
  redis: 'private',
  apis: 1,
  workers: 2,
  seconds: 1.23,
};

describe('the banner', () => {
  it('says where it is, what it predicts and what to try', () => {
    const text = bannerLines(facts, styleFor(false)).join('\n');
    expect(text).toContain('Waggle is ready after 1.2 s');
    expect(text).toContain('m 1.0.0 (default), n 2.1.0');
    expect(text).toContain('1 API process, 2 workers');
    expect(text).toContain("curl -s http://127.0.0.1:8182/jobs -H 'content-type: application/json'");
    expect(text).toContain(`-d '{"input":{"x":1}}'`);
    expect(text).not.toContain('\u001b');
  });

  it('does without what the API does not tell', () => {
    const text = bannerLines({ ...facts, models: [] }, styleFor(false)).join('\n');
    expect(text).toContain('http://127.0.0.1:8182/models tells, to callers with a key');
    expect(text).not.toContain('curl');
  });

  it('is coloured on a terminal only', () => {
    expect(bannerLines(facts, styleFor(true)).join('\n')).toContain('\u001b[');
  });
});
