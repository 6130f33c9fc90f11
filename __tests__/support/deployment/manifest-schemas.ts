import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Manifest } from './kustomize.js';

const ROOT = resolve(__dirname, '../../..');

/** Modules with the models of API groups that are not Kubernetes' own. */
const MODULES: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

const moduleOf = ({ apiVersion }: Manifest): string =>
  `${MODULES[apiVersion.split('/')[0] ?? ''] ?? 'kubernetes-models'}/${apiVersion}`;

type Model = new (data: unknown) => { validate(): void };

/** Holds a manifest against the schema of its kind. Throws with the member and the rule. */
export async function validateManifest(manifest: Manifest): Promise<void> {
  const models = (await import(moduleOf(manifest))) as Record<string, Model>;
  const Kind = models[manifest.kind];
  if (!Kind) throw new Error(`${manifest.apiVersion} has no ${manifest.kind}`);
  new Kind(manifest).validate();
}

/**
 * What the schemas do not see: members that no kind has, which a cluster would drop or refuse. The manifests are written
 * down as literals of their types, and the compiler names what does not belong. Resolves to its messages.
 */
export async function findUnknownMembers(manifests: readonly Manifest[]): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'waggle-manifests-'));
  try {
    symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
    const lines = manifests.map(
      (manifest, i) =>
        `export const _${i}: import('${moduleOf(manifest)}').I${manifest.kind} = ${JSON.stringify(manifest, null, 1)};\n`,
    );
    writeFileSync(join(dir, 'manifests.ts'), lines.join(''));
    const compilerOptions = { noEmit: true, skipLibCheck: true, strict: true, module: 'nodenext', types: [] };
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['manifests.ts'] }));
    return await compile(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const compile = (project: string): Promise<string> =>
  new Promise((done) => {
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    execFile(process.execPath, [tsc, '-p', project], (_, output) => done(output));
  });
