import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { KUBERNETES, type Manifest, renderKustomization } from '../support/deployment/kustomize.js';
import { deployPerModel } from '../support/deployment/per-model.js';

const kustomize = (folder: string) =>
  spawnSync('kubectl', ['kustomize', folder], { cwd: KUBERNETES, encoding: 'utf8' });
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
if (!hasKubectl) {
  process.stderr.write('NOT RUN: comparisons with kubectl kustomize: there is no kubectl on PATH\n');
}
const withKubectl = hasKubectl ? it : it.skip;

/** By kind and name, without the hash in the name of a generated ConfigMap; lists that patches merge have no order. */
const byName = (all: readonly Manifest[]): unknown => {
  const text = JSON.stringify(all, (key, value: { name: string }[]) =>
    /^(env|volumes|volumeMounts)$/.test(key)
      ? Object.fromEntries(value.map((one) => [one.name, one]))
      : value,
  );
  const same = JSON.parse(text.replaceAll(/"waggle-[a-z0-9]{10}"/g, '"waggle"')) as Manifest[];
  return Object.fromEntries(same.map((one) => [`${one.kind} ${one.metadata.name}`, one]));
};

const expectSame = (folder: string): void => {
  const { status, stdout, stderr } = kustomize(folder);
  expect([status, stderr]).toEqual([0, '']);
  const theirs = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  expect(byName(renderKustomization(folder))).toEqual(byName(theirs));
};

withKubectl.each(readdirSync(join(KUBERNETES, 'overlays')).map((name) => `overlays/${name}`))(
  'kubectl kustomize %s prints what the tests read',
  expectSame,
);

withKubectl('and of models apart', async () => {
  const folder = await deployPerModel();
  expectSame(folder);
  rmSync(join(KUBERNETES, folder), { recursive: true });
});
