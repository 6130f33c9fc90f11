import { type Command, Option } from 'commander';
import type { CliSetUp } from '../up/start-all.js';

const HELP = `
Examples:
  $ npx waggle setup native
  $ npx waggle setup native --wheel tensorflow_cpu-2.15.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl
  $ npx waggle setup native --gpu --library venv/lib/python3.11/site-packages/tensorflow`;

/** `waggle setup native`: the engines "node" and "gpu" where their own downloads fail. */
export function registerSetupCommand(program: Command, { setUpNative }: CliSetUp): void {
  program
    .command('setup')
    .description('Adds what an installation of npm packages may lack.')
    .command('native')
    .summary('build the native TensorFlow packages with a library that is fetched from PyPI, or is here')
    .description(
      'Compiles the addon of @tensorflow/tfjs-node against TensorFlow: the wheel of tensorflow-cpu that it fetches from PyPI, or a library of yours. It needs Linux, a C++ compiler and the npm registry.',
    )
    .addOption(new Option('--wheel <file>', 'a wheel of tensorflow or tensorflow-cpu').conflicts('library'))
    .option(
      '--library <folder>',
      'the folder "tensorflow" of an installed wheel, or an unpacked libtensorflow',
    )
    .option('--gpu', 'build @tensorflow/tfjs-node-gpu, too; it uses a GPU if the library does')
    .addHelpText('after', HELP)
    .action(setUpNative);
}
