import * as fc from 'fast-check';
import { type CheckAnswers, createAnswerCheck, UnexpectedAnswer } from './answers.js';
import { Knowledge } from './known.js';
import { type FuzzRequest, requestsOf } from './requests.js';
import type { Memory, TargetService } from './target-service.js';
import type { Verdict } from './verdict.js';
import { type Exchanged, exchange, prepare, type SentRequest } from './wire.js';

/** Something that went wrong, as small as it could be made. */
export interface Finding {
  kind: string;
  message: string;
  /** How often it was met, the search for a smaller case left out. */
  times: number;
  /** Of fast-check: the case is found again by them, given the same document. */
  seed: number;
  path: string;
  /** What was sent at the same time, byte for byte; a character is a byte. */
  requests: string[];
}

/** What a campaign did and found. */
export interface CampaignReport {
  seed: number;
  requests: number;
  seconds: number;
  slowestMs: number;
  /** Operation to status (or `closed`) to number of requests. */
  answers: Record<string, Record<string, number>>;
  verdicts: Record<Verdict, number>;
  findings: Finding[];
  /** Of the API process, along the way. */
  memory: (Memory & { requests: number })[];
}

/** Longer than any wait that is asked for and honoured; jobs end sooner. */
const LONGEST_ANSWER_MS = 30_000;
const BURST = 6;
/** Smaller cases that are tried for one finding: each is sent for real. */
const SHRINKS = 150;
const MOST_FINDINGS = 20;
const MEMORY_SAMPLES = 10;

/** Sends at least so many generated requests, a few at a time, and checks every answer. */
export async function runCampaign(
  target: TargetService,
  { requests, seed }: { requests: number; seed: number },
): Promise<CampaignReport> {
  const campaign = new Campaign(target, seed);
  for (let round = 0; campaign.report.requests < requests; round += 1) {
    await campaign.round(seed + round, Math.ceil(requests / MEMORY_SAMPLES));
    if (campaign.report.findings.length >= MOST_FINDINGS) break;
  }
  return campaign.end();
}

class Campaign {
  readonly report: CampaignReport;
  readonly #target: TargetService;
  readonly #known = new Knowledge();
  readonly #check: CheckAnswers;
  readonly #startedMs = performance.now();
  /** The kind of finding for which a smaller case is looked for, and how many tries are left. */
  #shrinking: { kind: string; left: number } | undefined;
  /** What was sent when the kind was seen last. */
  #lastSeen: string[] = [];

  constructor(target: TargetService, seed: number) {
    this.#target = target;
    this.#check = createAnswerCheck(target.document);
    this.report = {
      seed,
      requests: 0,
      seconds: 0,
      slowestMs: 0,
      answers: {},
      verdicts: { valid: 0, invalid: 0, undecided: 0 },
      findings: [],
      memory: [],
    };
  }

  /** About so many requests, or fewer up to a new finding. */
  async round(seed: number, requests: number): Promise<void> {
    this.#shrinking = undefined;
    const bursts = fc.array(requestsOf(this.#target.document), { minLength: 1, maxLength: BURST });
    const details = await fc.check(
      fc.asyncProperty(bursts, (burst) => this.#run(burst)),
      { seed, numRuns: Math.ceil((requests * 2) / BURST) },
    );
    if (details.failed) {
      const { errorInstance: error, counterexamplePath: path } = details;
      const kind = error instanceof UnexpectedAnswer ? error.kind : 'broken check';
      const message = error instanceof Error ? error.message : String(error);
      const found = { kind, message, times: 1, seed, path: path ?? '', requests: this.#lastSeen };
      this.report.findings.push(found);
    }
    this.report.memory.push({ requests: this.report.requests, ...(await this.#target.memory()) });
  }

  end(): CampaignReport {
    this.report.seconds = Math.round((performance.now() - this.#startedMs) / 100) / 10;
    return this.report;
  }

  async #run(burst: readonly FuzzRequest[]): Promise<void> {
    if (this.#shrinking && (this.#shrinking.left -= 1) < 0) return;
    const sent = burst.map((request) => prepare(request, this.#known));
    const outcomes = await Promise.allSettled(sent.map((request) => this.#send(request)));
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') this.#found(outcome.reason, sent);
    }
  }

  async #send(request: SentRequest): Promise<void> {
    let exchanged: Exchanged;
    try {
      exchanged = await exchange(this.#target.port, request, LONGEST_ANSWER_MS);
    } catch (error) {
      throw new UnexpectedAnswer(`${request.operation}: not answered`, String(error));
    }
    const [answer] = exchanged.answers;
    this.#count(request, exchanged);
    const verdict = this.#check(request, exchanged);
    this.report.verdicts[verdict] += 1;
    if (answer) this.#known.learn(answer.body, answer.headers);
  }

  #count({ operation }: SentRequest, { answers, ms }: Exchanged): void {
    const counts = (this.report.answers[operation] ??= {});
    const status = String(answers[0]?.status ?? 'closed');
    counts[status] = (counts[status] ?? 0) + 1;
    this.report.requests += 1;
    this.report.slowestMs = Math.max(this.report.slowestMs, Math.round(ms));
  }

  /** Lets fast-check make a new kind of finding smaller; one that is known is only counted. */
  #found(error: unknown, sent: readonly SentRequest[]): void {
    const kind = error instanceof UnexpectedAnswer ? error.kind : 'broken check';
    const known = this.report.findings.find((finding) => finding.kind === kind);
    if (known) known.times += 1;
    if (known || (this.#shrinking && this.#shrinking.kind !== kind)) return;
    this.#shrinking ??= { kind, left: kind.endsWith('not answered') ? 3 : SHRINKS };
    this.#lastSeen = sent.map(({ bytes }) => bytes);
    throw error;
  }
}
