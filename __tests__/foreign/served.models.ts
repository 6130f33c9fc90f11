import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { io, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import { WaggleClient } from '../../shared/client/client.js';
import type { BatchRow } from '../../shared/contract/batch.js';
import { ENGINES } from '../../worker/inference/child/engines/engines.js';
import { highWaterMb } from '../../scripts/lib/memory.js';
import { MODELS } from '../support/paths.js';
import { type Service, startService } from '../support/service.js';

/** Packages of the npm registry that hold models made by others, and the manifests with which they are served. */
const FACES = '@vladmandic/human@3.3.6';
const NOTES = '@spotify/basic-pitch@1.0.1';
const EMOTIONS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];

const base = { schema: 1, version: '1.0.0', format: 'tfjs-graph', figures: {} };
const inputOf = (member: string, type: 'array' | 'string'): object => ({
  type: 'object',
  properties: { [member]: { type } },
  required: [member],
  additionalProperties: false,
});
const bytes = (count: number, step: number): Uint8Array =>
  Uint8Array.from({ length: count }, (_, i) => (i * step) % 256);
const base64 = (data: Uint8Array): string => Buffer.from(data).toString('base64');
const SINE = Array.from({ length: 43_844 }, (_, i) =>
  Math.fround(Math.sin((2 * Math.PI * 440 * i) / 22_050)),
);

const MANIFESTS = {
  emotion: {
    ...base,
    name: 'emotion',
    title: 'Emotion',
    description: 'The emotion of a face.',
    input: inputOf('face', 'string'),
    example: { face: base64(bytes(64 * 64, 7)) },
    columns: [{ member: 'face', encoding: 'base64', tensor: 'input_1', shape: [64, 64, 1], scale: 1 / 255 }],
    outputs: [
      { member: 'emotion', tensor: 'Identity', labels: EMOTIONS },
      { member: 'scores', tensor: 'Identity', labels: EMOTIONS, top: 7 },
    ],
    max_batch: 16,
  },
  movenet: {
    ...base,
    name: 'movenet',
    title: 'MoveNet',
    description: 'Where the joints of a body are, and how sure that is.',
    input: inputOf('picture', 'string'),
    example: { picture: base64(bytes(192 * 192 * 3, 5)) },
    columns: [
      { member: 'picture', encoding: 'base64', tensor: 'input', dtype: 'int32', shape: [192, 192, 3] },
    ],
    outputs: [{ member: 'joints', tensor: 'Identity', shape: [1, 17, 3] }],
  },
  faceres: {
    ...base,
    name: 'faceres',
    title: 'Face',
    description: 'Age, gender and a description of a face.',
    input: inputOf('face', 'string'),
    example: { face: base64(bytes(224 * 224 * 3, 11)) },
    columns: [{ member: 'face', encoding: 'base64', tensor: 'input_1', shape: [224, 224, 3] }],
    outputs: [
      { member: 'male', tensor: 'gender_pred/Sigmoid' },
      { member: 'ages', tensor: 'age_pred/Softmax', shape: [100] },
      { member: 'descriptor', tensor: 'global_pooling/Mean', shape: [1024] },
    ],
    max_batch: 4,
  },
  notes: {
    ...base,
    name: 'notes',
    title: 'Notes',
    description: 'The notes of two seconds of sound.',
    input: inputOf('sound', 'array'),
    example: { sound: SINE },
    columns: [{ member: 'sound', encoding: 'array', tensor: 'input_2', shape: [43_844, 1] }],
    outputs: [{ member: 'notes', tensor: 'Identity_1', shape: [172, 88] }],
    max_batch: 1,
  },
} as const;

const folder = mkdtempSync(join(tmpdir(), 'waggle-foreign-'));
let service: Service | undefined;

/** What npm and Node say of a registry that cannot be reached, or of a gateway before it. */
const AWAY =
  /^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|E(HOST|NET)UNREACH|ERR_SOCKET_TIMEOUT|E50[234])$/;

/** Unpacks a package of the registry; returns its folder. Throws what npm says, in JSON. */
function fetchPackage(name: string): string {
  const into = mkdtempSync(join(folder, 'npm-'));
  const wait = ['--fetch-retries=1', '--fetch-timeout=60000'];
  const run = { cwd: into, encoding: 'utf8', maxBuffer: 2 ** 26 } as const;
  const { status, stdout } = spawnSync('npm', ['pack', name, '--json', '--silent', ...wait], run);
  if (status !== 0) throw new Error(stdout);
  const [packed] = JSON.parse(stdout) as { filename: string }[];
  execFileSync('tar', ['xzf', packed?.filename ?? ''], run);
  return join(into, 'package');
}

/** Whether the registry is there. Throws where it answers, and not with the packages. */
function fetchModels(): boolean {
  try {
    const human = join(fetchPackage(FACES), 'models');
    makePackage('emotion', human, ['emotion.json', 'emotion.bin']);
    makePackage('movenet', human, ['movenet-lightning.json', 'movenet-lightning.bin']);
    makePackage('faceres', human, ['faceres.json', 'faceres.bin']);
    makePackage('notes', join(fetchPackage(NOTES), 'model'), ['model.json', 'group1-shard1of1.bin']);
    return true;
  } catch (error) {
    const [, code = ''] = /"code": "(\w+)"/.exec(String(error)) ?? [];
    rmSync(folder, { recursive: true, force: true });
    if (!AWAY.test(code)) throw error;
    const why = `the npm registry cannot be reached (${code})`;
    process.stderr.write(`SKIPPED: models of others are not served here, since ${why}\n`);
    return false;
  }
}

/** Makes a package of ours out of a model of theirs. */
function makePackage(name: keyof typeof MANIFESTS, source: string, files: readonly string[]): void {
  const into = join(folder, 'models', name);
  mkdirSync(into, { recursive: true });
  for (const file of files) cpSync(join(source, file), join(into, file));
  renameSync(join(into, files[0] ?? ''), join(into, 'model.json'));
  writeFileSync(join(into, 'manifest.json'), JSON.stringify(MANIFESTS[name]));
}

/** What the model itself answers, without any of ours. */
async function bareAnswers(name: string, input: () => Tensor): Promise<Map<string, Float32Array>> {
  const at = join(folder, 'models', name);
  const json = JSON.parse(readFileSync(join(at, 'model.json'), 'utf8')) as io.ModelJSON;
  const paths = json.weightsManifest.flatMap((group) => group.paths);
  const weights = Buffer.concat(paths.map((path) => readFileSync(join(at, path))));
  const model: GraphModel = await loadGraphModel(
    io.fromMemory({
      modelTopology: json.modelTopology,
      ...(json.signature ? { signature: json.signature } : {}),
      weightSpecs: json.weightsManifest.flatMap((group) => group.weights),
      weightData: new Uint8Array(weights).buffer,
    }),
  );
  const names = model.outputs.map((output) => output.name);
  const outputs = tidy(() => [model.execute(input(), names)].flat());
  const answers = new Map(names.map((output, i) => [output, outputs[i]?.dataSync() as Float32Array]));
  model.dispose();
  return answers;
}

async function ask(model: keyof typeof MANIFESTS): Promise<Record<string, unknown>> {
  const client = new WaggleClient({ url: service?.url ?? '' });
  const { example } = MANIFESTS[model];
  const job = await client.wait((await client.submit({ model, input: { ...example } })).id);
  if (job.status !== 'succeeded') throw new Error(JSON.stringify(job));
  return job.result ?? {};
}

const differences = (found: unknown, wanted: ArrayLike<number> | undefined): number => {
  const numbers = [found].flat(9) as number[];
  expect(numbers).toHaveLength(wanted?.length ?? -1);
  return Math.max(...numbers.map((value, i) => Math.abs(value - (wanted?.[i] ?? Number.NaN))));
};

const withModels = fetchModels() ? describe : describe.skip;

withModels('models that others made', () => {
  beforeAll(async () => {
    symlinkSync(join(MODELS, 'trip-duration-linear'), join(folder, 'models', 'trip-duration-linear'));
    await ENGINES.wasm.load({ gpuMemoryMb: undefined, allowSoftware: true });
    service = await startService({ MODELS_DIR: join(folder, 'models'), TF_ENGINE: 'wasm' });
  }, 300_000);

  afterAll(async () => {
    await service?.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('labels an emotion as the bare model scores it, alone and in a batch with a bad row', async () => {
    const face = bytes(64 * 64, 7);
    const input = () =>
      tensor(
        Float32Array.from(face, (byte) => byte * (1 / 255)),
        [1, 64, 64, 1],
      );
    const scores = (await bareAnswers('emotion', input)).get('Identity') ?? new Float32Array();
    const { emotion, scores: scored } = await ask('emotion');
    const best = EMOTIONS[scores.indexOf(Math.max(...scores))];
    expect(emotion).toBe(best);
    const byLabel = new Map(
      (scored as { label: string; score: number }[]).map((one) => [one.label, one.score]),
    );
    expect(
      differences(
        EMOTIONS.map((label) => byLabel.get(label)),
        scores,
      ),
    ).toBeLessThan(1e-5);
    const { batches } = new WaggleClient({ url: service?.url ?? '' });
    const rows = Array.from({ length: 300 }, (_, row) => ({ face: row === 150 ? 'AAAA' : base64(face) }));
    const batch = await batches.submit(rows, { model: 'emotion' });
    const read: BatchRow[] = [];
    for await (const row of batches.results(batch.id)) read.push(row);
    expect(read).toHaveLength(300);
    expect(
      new Set(read.map(({ emotion: found, error }) => found ?? (error as { code: string }).code)),
    ).toEqual(new Set([best, 'invalid_input']));
    expect(JSON.stringify(read[150])).toContain('must be 4096 bytes in base64, which are 5464 characters');
  }, 120_000);

  it('runs a network of integers that is frozen for one row', async () => {
    const input = () => tensor(Int32Array.from(bytes(192 * 192 * 3, 5)), [1, 192, 192, 3], 'int32');
    const wanted = (await bareAnswers('movenet', input)).get('Identity');
    expect(differences((await ask('movenet'))['joints'], wanted)).toBeLessThan(1e-5);
  }, 120_000);

  it('gives every output of a network with several', async () => {
    const input = () => tensor(Float32Array.from(bytes(224 * 224 * 3, 11)), [1, 224, 224, 3]);
    const wanted = await bareAnswers('faceres', input);
    const result = await ask('faceres');
    expect(differences(result['male'], wanted.get('gender_pred/Sigmoid'))).toBeLessThan(1e-5);
    expect(differences(result['ages'], wanted.get('age_pred/Softmax'))).toBeLessThan(1e-5);
    expect(differences(result['descriptor'], wanted.get('global_pooling/Mean'))).toBeLessThan(1e-3);
  }, 120_000);

  it('holds API and worker under 400 MB each while 64 pictures of 224 x 224 wait', async () => {
    const client = new WaggleClient({ url: service?.url ?? '' });
    const request = { model: 'faceres', input: { ...MANIFESTS.faceres.example } };
    const jobs = await Promise.all(Array.from({ length: 64 }, () => client.submit(request)));
    for (const { id } of jobs) expect((await client.wait(id)).status).toBe('succeeded');
    const pids = ['api/main.js', 'worker/main.js'].flatMap((part) => service?.pids(part) ?? []);
    expect(pids).toHaveLength(2);
    // 194 and 141 MB. Only Linux tells.
    for (const pid of pids) expect(highWaterMb(pid) ?? 0).toBeLessThan(400);
  }, 300_000);

  it('hears the note of a sine', async () => {
    const wanted = (await bareAnswers('notes', () => tensor(SINE, [1, 43_844, 1]))).get('Identity_1');
    const { notes } = await ask('notes');
    expect(differences(notes, wanted)).toBeLessThan(1e-4);
    const sums = Array.from({ length: 88 }, (_, key) =>
      (notes as number[][]).reduce((sum, at) => sum + (at[key] ?? 0), 0),
    );
    // The piano's lowest key is MIDI 21; A at 440 Hz is 69.
    expect(21 + sums.indexOf(Math.max(...sums))).toBe(69);
  }, 120_000);
});
