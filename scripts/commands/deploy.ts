import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { SetUp } from '../up/start-all.js';
import { reportErrors } from './report-errors.js';

interface KubernetesOptions {
  models: string[];
  gpu: string[];
  podMonitors?: true;
  out: string;
}

const HELP = `
Each model gets a Deployment, worker-<model>, that serves it alone, a ScaledObject that asks for its demand, and a
PodDisruptionBudget. A model that is not named has no worker. Written files are written over.

Examples:
  $ npx waggle deploy kubernetes --models trip-duration,trip-duration-linear
  $ npx waggle deploy kubernetes --models trip-duration,digits --gpu digits --pod-monitors`;

/** `waggle deploy`: writes what a deployment is made of. */
export function registerDeployCommand(program: Command, { root }: Pick<SetUp, 'root'>): void {
  const kubernetes = join(root, 'compose/kubernetes');
  const deploy = program.command('deploy').description('Writes what a deployment is made of.');
  const command = deploy
    .command('kubernetes')
    .summary('write a kustomization with workers of their own for each model')
    .description('Writes a kustomization with workers of their own for each model (compose/README.md).')
    .requiredOption('--models <names>', 'models to serve, comma-separated', modelNames)
    .addOption(
      new Option('--gpu <names>', 'those of them that run on a GPU')
        .argParser(modelNames)
        .default([], 'none'),
    )
    .option('--pod-monitors', 'PodMonitors of the Prometheus Operator for the API and each model')
    .addOption(
      new Option('--out <folder>', 'folder of the kustomization').default(
        join(kubernetes, 'models'),
        'compose/kubernetes/models',
      ),
    )
    .addHelpText('after', HELP);
  command.action((options: KubernetesOptions) =>
    reportErrors({}, async () => {
      const stranger = options.gpu.find((name) => !options.models.includes(name));
      if (stranger !== undefined) command.error(`error: --gpu names ${stranger}, and --models does not`);
      writeKustomizations(options, kubernetes);
      console.log(`kubectl apply -k ${relative('', options.out)}`);
    }),
  );
}

/** Model names, comma-separated, that the names and labels of Kubernetes may end with. */
function modelNames(text: string): string[] {
  const names = [...new Set(text.split(',').map((name) => name.trim()))];
  // "worker-" and the name are a label of DNS: 63 characters.
  const wrong = names.find((name) => !/^[a-z]([a-z0-9-]{0,54}[a-z0-9])?$/.test(name));
  if (wrong === undefined) return names;
  throw new InvalidArgumentError(
    `"${wrong}" has to be up to 56 lower-case letters, digits and hyphens, from a letter to a letter or digit.`,
  );
}

function writeKustomizations({ models, gpu, podMonitors, out }: KubernetesOptions, kubernetes: string): void {
  const write = (folder: string, shared: string[], own: string[], lines: string): void => {
    mkdirSync(folder, { recursive: true });
    const resources = [...shared.map((name) => relative(folder, join(kubernetes, name))), ...own];
    const text = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [${resources.join(', ')}]
${lines}`;
    writeFileSync(join(folder, 'kustomization.yaml'), text);
  };
  const monitors = (of: string): string[] => (podMonitors ? [`monitors/${of}`] : []);
  const images = relative(out, join(kubernetes, 'images'));
  write(out, ['base', ...monitors('api')], models, `components: [${images}]\n`);
  for (const name of models) {
    const workers = gpu.includes(name) ? 'workers/gpu' : 'workers/cpu';
    write(join(out, name), [workers, ...monitors('worker')], [], workersOf(name));
  }
}

/** What makes the workers of all models those of one. */
function workersOf(name: string): string {
  const demand = `http://api.waggle.svc.cluster.local/stats/demand?model=${name}`;
  return `nameSuffix: -${name}
labels:
  - pairs: { waggle/model: ${name} }
    includeSelectors: true
    fields: [{ kind: PodMonitor, path: spec/selector/matchLabels, create: true }]
patches:
  - target: { kind: Deployment }
    patch: |-
      - { op: add, path: /spec/template/spec/containers/0/env/-, value: { name: MODELS, value: ${name} } }
  - target: { kind: ScaledObject }
    patch: |-
      - { op: replace, path: /spec/scaleTargetRef/name, value: worker-${name} }
      - { op: replace, path: /spec/triggers/0/metadata/url, value: '${demand}' }
      - { op: replace, path: /spec/triggers/1/metadata/url, value: '${demand}' }
`;
}
