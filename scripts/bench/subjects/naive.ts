import type { BenchHost } from '../service.js';
import { cpuUs } from './cpu.js';
import { peakMb } from './processes.js';
import { holding, linearModelFolder, startPeer, tripRequests } from './peer.js';
import type { Subject } from './subject.js';

const KINDS = { 'web and model': /naive\.mjs/ };

/** Express with the model in the request handler. */
export async function startNaive(host: BenchHost): Promise<Subject> {
  const { child, reported } = await startPeer(host, 'naive.mjs', linearModelFolder(host));
  return {
    name: 'Express, model inside',
    port: reported,
    submits: [],
    asks: tripRequests('/predict'),
    hasResult: holding('"duration":', '"error"'),
    peakMb: () => peakMb([child.pid], KINDS),
    cpuUs: () => cpuUs([child.pid], KINDS),
    stop: () => child.stop(),
  };
}
