import { randomUUID } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SubmitRequest, WaggleClient } from '../../shared/client/client.js';
import { type EndedJob, isEnded } from '../../shared/client/bodies.js';
import { PRIORITIES, type Priority } from '../../shared/contract/states.js';
import type { JobBody } from '../../shared/contract/job.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { firstContact, persist } from '../../shared/client/retry.js';
import { isRecord } from '../../shared/text/is-record.js';
import { addTripOptions, TRIP_EXAMPLES, type TripOptions, tripInput } from '../trips/trip-options.js';
import { addConnectionOptions, type ConnectionOptions, waitTeller, withClient } from './connection.js';
import { whole } from './numbers.js';

interface SubmitOptions extends ConnectionOptions, TripOptions {
  input?: Record<string, unknown>;
  model?: string;
  requestId?: string;
  priority?: Priority;
  delayMs?: number;
  notBefore?: string;
  outage: number;
}

const HELP = `
A server that is away, or answers that it cannot now, is asked again, always with the same Idempotency-Key: the
prediction is made once. Where no server can be reached from the start, that is told at once.

Exit code: 0 when the prediction succeeded, 1 when it failed or could not be submitted.

Examples:
${TRIP_EXAMPLES.map((args) => `  $ npx waggle submit ${args}`).join('\n')}`;

/** The server holds its answer so long before the first word about a job that is still under way. */
const FIRST_ANSWER_SECONDS = 1;

/** `waggle submit`: one prediction through the queue, from a running API. */
export function registerSubmitCommand(program: Command): void {
  const command = program
    .command('submit')
    .description('Submits one prediction to a running API, waits for it and prints it.');
  addTripOptions(command)
    .option('--input <json>', 'the input of any model, instead of a trip', parseInput)
    .option('--model <name>', 'which model (default: the one the server names its default)')
    .option('--request-id <id>', 'a name of your own, to find the job by')
    .addOption(new Option('--priority <lane>', 'the lane in which the job waits').choices([...PRIORITIES]))
    .option('--delay-ms <ms>', 'not run before so long after it is accepted', whole(0, 30 * 86_400_000))
    .addOption(
      new Option('--not-before <time>', 'not run before this time, as 2026-02-01T08:15:00Z').conflicts(
        'delayMs',
      ),
    )
    .option('--outage <seconds>', 'how long the server may be away before giving up', whole(0, 86_400), 60);
  addConnectionOptions(command)
    .addHelpText('after', HELP)
    .action(async (options: SubmitOptions) => {
      const request = requestOf(options, (message) => command.error(message));
      await withClient(options, async (client) => {
        const job = await follow(client, request, options.outage * 1000);
        if (job.status !== 'succeeded') process.exitCode = 1;
        if (options.json) console.log(JSON.stringify(job));
        else await print(client, job);
      });
    });
}

function requestOf(options: SubmitOptions, refuse: (message: string) => never): SubmitRequest {
  const { model, requestId, priority, delayMs, notBefore } = options;
  const trip = tripInput(options);
  if (options.input !== undefined && trip !== undefined) {
    refuse('error: --input and the flags of a trip say the same thing: give one of them');
  }
  const input = options.input ?? trip;
  if (input === undefined) {
    refuse('error: nothing to predict: give --pu 130 --do 205 --distance 3, or --input with a JSON object');
  }
  return { input, model, request_id: requestId, priority, delay_ms: delayMs, not_before: notBefore };
}

/** Submits until the server has it, always with the same key: so it has it once, whatever became of an answer. */
async function follow(client: WaggleClient, request: SubmitRequest, outageMs: number): Promise<EndedJob> {
  const call = { waitSeconds: FIRST_ANSWER_SECONDS, idempotencyKey: randomUUID() };
  const onWait = waitTeller((line) => console.error(line));
  const job = await persist(() => client.submit(request, call), { outageMs, onWait: firstContact(onWait) });
  if (isEnded(job)) return job;
  console.error(`job ${job.id}`);
  tell(job);
  return client.wait(job.id, { onUpdate: tell, onWait, outageMs });
}

function tell({ status, queue }: JobBody): void {
  const place = queue?.position === undefined ? '' : `, number ${queue.position} in line`;
  const eta = queue?.eta_ms === undefined ? '' : `, about ${(queue.eta_ms / 1000).toFixed(1)} s to go`;
  console.error(`  ${status}${place}${eta}`);
}

async function print(client: WaggleClient, job: EndedJob): Promise<void> {
  if (job.status !== 'succeeded') {
    const why = job.error === undefined ? '' : `, ${job.error.code}: ${job.error.message}`;
    console.error(`✖ job ${job.id} ${job.status}${why}`);
    return;
  }
  // The units are a courtesy: without them the figures stand alone.
  const model = await client.model(job.model).catch(() => undefined);
  for (const line of resultLines(job, model)) console.log(line);
}

function resultLines(
  { id, model, model_version, result = {}, timings }: JobBody,
  described?: ModelBody,
): string[] {
  const unitOf = (member: string) =>
    described?.outputs.find((output) => output.member === member)?.unit ?? '';
  const results = Object.entries(result).map(([member, value]) =>
    `${member}  ${typeof value === 'string' ? value : JSON.stringify(value)} ${unitOf(member)}`.trimEnd(),
  );
  const took =
    timings?.total_ms === undefined
      ? ''
      : `, ${timings.total_ms.toFixed(1)} ms from submit to result` +
        (timings.model_predict_ms === undefined
          ? ''
          : `, ${timings.model_predict_ms.toFixed(1)} ms of it in the model`);
  return [...results, '', `job ${id}`, `${model} ${model_version ?? ''}${took}`];
}

function parseInput(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch {
    // Told below, together with JSON that is no object.
  }
  throw new InvalidArgumentError(`It must be a JSON object, as in '{"x":1}'.`);
}
