import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { waggleHere } from '../waggle-here.js';
import { KUBERNETES } from './kustomize.js';

/** Two models, the first of them on a GPU, deployed apart. Resolves to the kustomization, as a path below {@link KUBERNETES}. */
export async function deployPerModel(): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), 'waggle-per-model-'));
  const command = 'deploy kubernetes --models digits,trip-duration --gpu digits --pod-monitors --out';
  const { code, stderr } = await waggleHere([...command.split(' '), out]);
  if (code !== 0) throw new Error(stderr);
  return relative(KUBERNETES, out);
}
