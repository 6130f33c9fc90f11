import { Command } from 'commander';
import { softwareVersion } from '../shared/process/software-version.js';
import type { CliSetUp } from './up/start-all.js';

/** A command. Its module is loaded only when the command is called, since some import TensorFlow. */
interface CommandEntry {
  name: string;
  summary: string;
  load: () => Promise<(program: Command, setUp: CliSetUp) => void>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start everything on this machine: Redis, workers, API (the same as npm start)',
    load: async () => (await import('./commands/up.js')).registerUpCommand,
  },
  {
    name: 'submit',
    summary: 'submit one prediction to a running API, wait for it and print it',
    load: async () => (await import('./commands/submit.js')).registerSubmitCommand,
  },
  {
    name: 'batch',
    summary: 'predict every row of a file by a running API',
    load: async () => (await import('./commands/batch.js')).registerBatchCommand,
  },
  {
    name: 'models',
    summary: 'list what a running API can predict',
    load: async () => (await import('./commands/models.js')).registerModelsCommand,
  },
  {
    name: 'model',
    summary: 'make a model package of a network, check one, or show how to ask it',
    load: async () => (await import('./commands/model.js')).registerModelCommand,
  },
  {
    name: 'train',
    summary: 'train a trip model on TLC trip files and write its package',
    load: async () => (await import('./commands/train.js')).registerTrainCommand,
  },
  {
    name: 'evaluate',
    summary: 'measure a trip model against TLC trip files',
    load: async () => (await import('./commands/evaluate.js')).registerEvaluateCommand,
  },
  {
    name: 'import-linear',
    summary: "make a model package of a linear model's coefficients",
    load: async () => (await import('./commands/import-linear.js')).registerImportLinearCommand,
  },
  {
    name: 'bench',
    summary: 'measure how fast this machine serves',
    load: async () => (await import('./commands/bench.js')).registerBenchCommand,
  },
  {
    name: 'setup',
    summary: 'build the native TensorFlow packages where they cannot be downloaded',
    load: async () => (await import('./commands/setup.js')).registerSetupCommand,
  },
  {
    name: 'capacity',
    summary: 'compute how many processes and how much Redis a load takes, and what breaks first',
    load: async () => (await import('./commands/capacity.js')).registerCapacityCommand,
  },
  {
    name: 'deploy',
    summary: 'write Kubernetes manifests with workers of their own for each model',
    load: async () => (await import('./commands/deploy.js')).registerDeployCommand,
  },
  {
    name: 'doctor',
    summary: 'look whether Redis and its replicas are set up as they should be',
    load: async () => (await import('./commands/doctor.js')).registerDoctorCommand,
  },
  {
    name: 'partitions',
    summary: 'list the partitions of a deployment, with their masters and what waits there',
    load: async () => (await import('./commands/partitions.js')).registerPartitionsCommand,
  },
];

const EXAMPLES = `
Examples:
  $ npx waggle up
  $ npx waggle submit --pu 130 --do 205 --distance 3
  $ npx waggle submit --pu 130 --do 205 --distance 3 --json | tail -1
  $ npx waggle batch trips.csv --out predicted.csv
  $ npx waggle models --url http://10.0.0.7:8182

More on one command: npx waggle help submit`;

/** Runs one command line. Sets the process's exit code: 0, or 1 when something could not be done. */
export async function runCli(argv: readonly string[], setUp: CliSetUp): Promise<void> {
  const program = new Command('waggle')
    .description('Predictions by queue: an API that accepts jobs, workers that run models, Redis in between.')
    .addHelpText('after', EXAMPLES)
    .showHelpAfterError('(add --help to see what it takes)')
    .helpCommand('help [command]', 'tell more about one command')
    .helpOption('-h, --help', 'show this help')
    .version(softwareVersion(), '-V, --version', 'show which version this is');
  const called = argv[0] === 'help' ? argv[1] : argv[0];
  for (const { name, summary, load } of COMMANDS) {
    if (name !== called) {
      program.command(name).summary(summary);
      continue;
    }
    (await load())(program, setUp);
    program.commands.find((command) => command.name() === name)?.summary(summary);
  }
  await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
}
