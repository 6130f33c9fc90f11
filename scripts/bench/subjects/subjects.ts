import type { BenchHost } from '../service.js';
import { startBullmq, whyNoBullmq } from './bullmq.js';
import { startCelery, whyNoCelery } from './celery.js';
import { startNaive } from './naive.js';
import type { Subject } from './subject.js';
import { startWaggle } from './waggle.js';

export type SubjectName = 'waggle' | 'bullmq' | 'celery' | 'naive';

const STARTS: Readonly<Record<SubjectName, (host: BenchHost) => Promise<Subject>>> = {
  waggle: startWaggle,
  bullmq: startBullmq,
  celery: startCelery,
  naive: startNaive,
};

/** Everything that is compared, started when it is first wanted. */
export class Subjects {
  readonly #host: BenchHost;
  readonly #missing: Readonly<Partial<Record<SubjectName, string>>>;
  readonly #started = new Map<SubjectName, Promise<Subject>>();

  constructor(host: BenchHost) {
    this.#host = host;
    const [bullmq, celery] = [whyNoBullmq(host), whyNoCelery()];
    this.#missing = {
      ...(bullmq === undefined ? {} : { bullmq }),
      ...(celery === undefined ? {} : { celery }),
    };
  }

  /** Whether this machine has what a subject takes. */
  isHere(name: SubjectName): boolean {
    return this.#missing[name] === undefined;
  }

  /** Parts that this machine lacks for the others, and where to get them. */
  leftOut(): string[] {
    return Object.values(this.#missing);
  }

  /** The subject, running. */
  get(name: SubjectName): Promise<Subject> {
    const started = this.#started.get(name) ?? STARTS[name](this.#host);
    this.#started.set(name, started);
    return started;
  }

  /** The subjects that were wanted and could be started. */
  async running(): Promise<Subject[]> {
    const all = await Promise.allSettled(this.#started.values());
    return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  }

  async stop(): Promise<void> {
    for (const subject of await this.running()) await subject.stop();
  }
}
