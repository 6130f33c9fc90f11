import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import helmet, { type HelmetOptions } from 'helmet';

/** Header names and values, one after the other, as `writeHead` takes them. */
export type HeaderPairs = readonly string[];

type Directives = Readonly<Record<string, string[]>>;

/** For answers that are data: nothing in them may be loaded or run, whatever a browser takes them for. */
const DATA: Directives = { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] };

/** For pages: their own scripts, styles, images and calls, and images within the style sheets. */
const PAGE: Directives = {
  ...DATA,
  'script-src': ["'self'"],
  'style-src': ["'self'"],
  'img-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
  'form-action': ["'self'"],
  'base-uri': ["'none'"],
};

/** helmet's headers for answers that are data, without those that concern pages only. */
export const dataHeaders = (): HeaderPairs =>
  recordHelmet({
    contentSecurityPolicy: policyOf(DATA),
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
  });

/** helmet's headers for pages. */
export const pageHeaders = (): HeaderPairs => recordHelmet({ contentSecurityPolicy: policyOf(PAGE) });

const policyOf = (directives: Directives) => ({ useDefaults: false, directives: { ...directives } });

/** helmet sets the same headers on every answer: they are asked for once and sent from then on. */
function recordHelmet(options: HelmetOptions): HeaderPairs {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet(options)(request, response, () => undefined);
  return Object.entries(response.getHeaders()).flatMap(([name, value]) => [name, String(value)]);
}
