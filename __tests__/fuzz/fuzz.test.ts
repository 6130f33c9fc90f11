import { writeFileSync } from 'node:fs';
import { inspectAftermath } from './aftermath.js';
import { runCampaign } from './campaign.js';
import { printReport } from './report.js';
import { startTarget, type TargetService } from './target-service.js';

/** As `npm run fuzz` sets them; by itself the short form, with the same requests every time. */
const { FUZZ_REQUESTS = '300', FUZZ_SEED = '1', FUZZ_REPORT } = process.env;
const requests = Number(FUZZ_REQUESTS);
const seed = Number(FUZZ_SEED);

let target: TargetService;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop(), 30_000);

it(
  `answers ${requests} generated requests as its document says (seed ${seed})`,
  async () => {
    const campaign = await runCampaign(target, { requests, seed });
    const report = { ...campaign, aftermath: await inspectAftermath(target, campaign) };
    const text = printReport(report);
    if (FUZZ_REPORT !== undefined) writeFileSync(FUZZ_REPORT, JSON.stringify({ ...report, text }));
    // Without what was sent nobody could find the case again: so the whole of it is what a failure shows.
    expect(report.findings.length + report.aftermath.length > 0 ? text : '').toBe('');
  },
  120_000 + requests * 200,
);
