import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Result } from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from '../../scripts/setup/chromium.mjs';

/** Where pictures of pages go, for people to look at. */
const PICTURES = resolve(__dirname, '../../.artifacts');

/** Without the calls home that Chromium makes of itself. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

/** A page, and what went on behind it. */
export interface WatchedPage {
  page: Page;
  /** Exceptions, and what its Content-Security-Policy forbade. */
  complaints: string[];
  /** Everybody that it asked for anything. */
  hosts: Set<string>;
  /** Saves a picture of it as `.artifacts/<name>.png`, of the whole page unless told otherwise. */
  picture: (name: string, options?: { fullPage: boolean }) => Promise<void>;
  /** What axe-core finds serious or critical in the page as it is now. */
  barriers: () => Promise<string[]>;
}

const executablePath = findChromium();
if (executablePath === undefined) {
  process.stderr.write(
    '\n*** NOT RUN: tests of the dashboard, since there is no Chromium here, and it could not be installed ***\n\n',
  );
}

/**
 * `describe` for tests in Chromium, left out aloud where there is none. Where every change is checked, a check that is left out
 * counts as one that fails.
 */
export const describeInBrowser =
  executablePath === undefined && process.env['CI'] !== 'true' ? describe.skip : describe;

export async function startBrowser(): Promise<Browser> {
  if (executablePath === undefined) {
    throw new Error('there is no Chromium here, and it could not be installed');
  }
  return chromium.launch({ executablePath, args: ARGS });
}

/** Opens an address in a profile of its own. */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const hosts = new Set<string>();
  context.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (protocol !== 'data:') hosts.add(host);
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/security policy/i.test(message.text())) complaints.push(message.text());
  });
  await page.goto(url);
  return {
    page,
    complaints,
    hosts,
    picture: async (name, { fullPage } = { fullPage: true }) => {
      // The head that sticks to the top would be in the middle of a picture of everything.
      if (fullPage) await page.evaluate('scrollTo(0, 0)');
      await page.screenshot({ path: `${PICTURES}/${name}.png`, fullPage, animations: 'disabled' });
    },
    barriers: () => findBarriers(page),
  };
}

async function findBarriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate<boolean>('"axe" in window'))) await page.evaluate(AXE);
  const violations = await page.evaluate<Result[]>(
    'axe.run({ resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message}`).join('; ')}`,
    );
}
