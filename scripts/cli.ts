import { Command } from 'commander';
import { softwareVersion } from '../shared/process/software-version.js';
import type { CliSetUp } from './up/start-all.js';

/** A command. `register` imports its module only when the command is called, since some import TensorFlow. */
interface CommandEntry {
  name: string;
  summary: string;
  register: (program: Command, setUp: CliSetUp) => Promise<void>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start everything on this machine: Redis, workers, API (the same as npm start)',
    register: async (program, setUp) => (await import('./commands/up.js')).registerUpCommand(program, setUp),
  },
  {
    name: 'submit',
    summary: 'submit one prediction to a running API, wait for it and print it',
    register: async (program) => (await import('./commands/submit.js')).registerSubmitCommand(program),
  },
  {
    name: 'batch',
    summary: 'predict every row of a file by a running API',
    register: async (program) => (await import('./commands/batch.js')).registerBatchCommand(program),
  },
  {
    name: 'models',
    summary: 'list what a running API can predict',
    register: async (program) => (await import('./commands/models.js')).registerModelsCommand(program),
  },
  {
    name: 'model',
    summary: 'make a model package of a network, check one, or show how to ask it',
    register: async (program) => (await import('./commands/model.js')).registerModelCommand(program),
  },
  {
    name: 'train',
    summary: 'train a trip model on TLC trip files and write its package',
    register: async (program) => (await import('./commands/train.js')).registerTrainCommand(program),
  },
  {
    name: 'evaluate',
    summary: 'measure a trip model against TLC trip files',
    register: async (program) => (await import('./commands/evaluate.js')).registerEvaluateCommand(program),
  },
  {
    name: 'import-linear',
    summary: "make a model package of a linear model's coefficients",
    register: async (program) =>
      (await import('./commands/import-linear.js')).registerImportLinearCommand(program),
  },
  {
    name: 'bench',
    summary: 'measure how fast this machine serves',
    register: async (program, setUp) =>
      (await import('./commands/bench.js')).registerBenchCommand(program, setUp),
  },
  {
    name: 'setup',
    summary: 'build the native TensorFlow packages where they cannot be downloaded',
    register: async (program, setUp) =>
      (await import('./commands/setup.js')).registerSetupCommand(program, setUp),
  },
  {
    name: 'capacity',
    summary: 'compute how many processes and how much Redis a load takes, and what breaks first',
    register: async (program) => (await import('./commands/capacity.js')).registerCapacityCommand(program),
  },
  {
    name: 'deploy',
    summary: 'write Kubernetes manifests with workers of their own for each model',
    register: async (program, setUp) =>
      (await import('./commands/deploy.js')).registerDeployCommand(program, setUp),
  },
  {
    name: 'doctor',
    summary: 'look whether Redis and its replicas are set up as they should be',
    register: async (program, setUp) =>
      (await import('./commands/doctor.js')).registerDoctorCommand(program, setUp),
  },
  {
    name: 'partitions',
    summary: 'list the partitions of a deployment, with their masters and what waits there',
    register: async (program, setUp) =>
      (await import('./commands/partitions.js')).registerPartitionsCommand(program, setUp),
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
  for (const { name, summary, register } of COMMANDS) {
    if (name !== called) {
      program.command(name).summary(summary);
      continue;
    }
    await register(program, setUp);
    program.commands.find((command) => command.name() === name)?.summary(summary);
  }
  await program.parseAsync(argv.length === 0 ? ['--help'] : [...argv], { from: 'user' });
}
