import type { BenchHost } from '../service.js';
import { startBullmq, whyNoBullmq } from './bullmq.js';
import { checkMinutes } from './same-minutes.js';
import { startNaive } from './naive.js';
import { OnDemand } from './on-demand.js';
import { type PythonHost, startBento, startCelery, startLitServe } from './python.js';
import type { Subject } from './subject.js';
import { startKeyedWaggle, startWaggle } from './waggle.js';

const NO_PYTHON =
  'FastAPI + Celery, BentoML and LitServe are left out: --peers all installs them where Python 3.11 and PyPI can be had';

const PYTHON = { celery: startCelery, bentoml: startBento, litserve: startLitServe };

export type SubjectName = 'waggle' | 'keyed' | 'bullmq' | 'naive' | keyof typeof PYTHON;

/** Everything that is compared, started when it is first wanted. */
export class Subjects {
  readonly #missing: Readonly<Partial<Record<SubjectName, string | undefined>>>;
  readonly #subjects: Readonly<Record<SubjectName, OnDemand<Subject>>>;

  /** @param python interpreter that has the packages of the peers; without it those of Python are left out */
  constructor(host: BenchHost, python?: string) {
    const noPython = python === undefined ? NO_PYTHON : undefined;
    this.#missing = { bullmq: whyNoBullmq(host), celery: noPython, bentoml: noPython, litserve: noPython };
    const onDemand = (start: (host: PythonHost) => Promise<Subject>) =>
      new OnDemand(async () => {
        const subject = await start({ ...host, python: python ?? '' });
        try {
          await checkMinutes(host, subject);
          return subject;
        } catch (error) {
          await subject.stop();
          throw error;
        }
      });
    this.#subjects = {
      waggle: onDemand(startWaggle),
      keyed: new OnDemand(() => startKeyedWaggle(host)),
      bullmq: onDemand(startBullmq),
      naive: onDemand(startNaive),
      celery: onDemand(startCelery),
      bentoml: onDemand(startBento),
      litserve: onDemand(startLitServe),
    };
  }

  /** Tells whether this machine has the programs of a subject. */
  isHere(name: SubjectName): boolean {
    return this.#missing[name] === undefined;
  }

  /** Why the other subjects are left out, and where to get them. */
  leftOut(): string[] {
    return [...new Set(Object.values(this.#missing))].filter((reason) => reason !== undefined);
  }

  /** The subject, running, and seen to answer as Waggle's engine does. */
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
