import type { IContainer, IPodTemplateSpec } from 'kubernetes-models/v1';
import type { Manifest } from './kustomize.js';

/** What starts pods. */
export interface Workload extends Manifest {
  spec: {
    selector: { matchLabels: Record<string, string> };
    strategy?: unknown;
    template: IPodTemplateSpec;
  };
}

/** The Deployments and StatefulSets among manifests. */
export const workloadsIn = (all: readonly Manifest[]): Workload[] =>
  all.filter((one): one is Workload => one.kind === 'Deployment' || one.kind === 'StatefulSet');

/** The workloads whose pods have all of some labels. */
export const chosenBy = (
  labels: Readonly<Record<string, string>> = {},
  all: readonly Workload[] = [],
): Workload[] =>
  all.filter(({ spec }) =>
    Object.entries(labels).every(([key, value]) => spec.template.metadata?.labels?.[key] === value),
  );

/** The only container of a workload. */
export function containerOf({ metadata, spec }: Workload): IContainer {
  const [container, ...others] = spec.template.spec?.containers ?? [];
  if (!container || others.length > 0) throw new Error(`${metadata.name} has not one container`);
  return container;
}

/** The manifest of a kind and name. */
export function manifestOf(all: readonly Manifest[], kind: string, name: string): Manifest {
  const found = all.find((one) => one.kind === kind && one.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}
