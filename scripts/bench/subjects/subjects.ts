import type { BenchHost } from '../service.js';
import { startBullmq, whyNoBullmq } from './bullmq.js';
import { startCelery, whyNoCelery } from './celery.js';
import { startNaive } from './naive.js';
import { OnDemand } from './on-demand.js';
import type { Subject } from './subject.js';
import { startKeyedWaggle, startWaggle } from './waggle.js';

export type SubjectName = 'waggle' | 'keyed' | 'bullmq' | 'celery' | 'naive';

/** Everything that is compared, started when it is first wanted. */
export class Subjects {
  readonly #missing: Readonly<Partial<Record<SubjectName, string | undefined>>>;
  readonly #subjects: Readonly<Record<SubjectName, OnDemand<Subject>>>;

  constructor(host: BenchHost) {
    this.#missing = { bullmq: whyNoBullmq(host), celery: whyNoCelery() };
    this.#subjects = {
      waggle: new OnDemand(() => startWaggle(host)),
      keyed: new OnDemand(() => startKeyedWaggle(host)),
      bullmq: new OnDemand(() => startBullmq(host)),
      celery: new OnDemand(() => startCelery(host)),
      naive: new OnDemand(() => startNaive(host)),
    };
  }

  /** Tells whether this machine has the programs of a subject. */
  isHere(name: SubjectName): boolean {
    return this.#missing[name] === undefined;
  }

  /** Why the other subjects are left out, and where to get them. */
  leftOut(): string[] {
    return Object.values(this.#missing).filter((reason) => reason !== undefined);
  }

  /** The subject, running. */
  get(name: SubjectName): Promise<Subject> {
    return this.#subjects[name].get();
  }

  /** The subjects that were wanted and could be started. */
  async running(): Promise<Subject[]> {
    const all = await Promise.all(Object.values(this.#subjects).map((subject) => subject.started()));
    return all.filter((subject) => subject !== undefined);
  }

  async stop(): Promise<void> {
    for (const subject of Object.values(this.#subjects)) await subject.stop();
  }
}
