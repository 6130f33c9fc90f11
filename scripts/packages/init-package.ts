import { closeSync, copyFileSync, existsSync, realpathSync, renameSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf, ModelPackageError } from '../../shared/errors.js';
import { createColumnLayout, toNumbers } from '../../shared/model/columns.js';
import type { Manifest } from '../../shared/model/manifest.js';
import { openPackageFile } from '../../shared/model/package-file.js';
import { parseManifest } from '../../shared/model/read-manifest.js';
import { makeFolder } from '../../shared/process/make-folder.js';
import { bind, type DeclaredTensor, findTensor } from '../../worker/inference/child/binding.js';
import { loadDemanded } from '../../worker/inference/child/choose-engine.js';
import { decodeImages } from '../../worker/inference/child/images.js';
import { loadNetwork } from '../../worker/inference/child/network.js';
import { engineFor } from '../../worker/inference/engine-names.js';
import {
  lookIntoModelJson,
  type ModelFiles,
  readModelFiles,
} from '../../worker/inference/parent/model-files.js';
import { type Draft, draftInputs, draftOutputs, emptyManifest } from './draft-manifest.js';

/** A network to make a package of. */
export interface InitRequest {
  /** A `model.json` of TensorFlow.js, or a file in ONNX. */
  file: string;
  /** Folder of the package; its name is the model's. It may be the one that `file` lies in. */
  folder: string;
  /** Shapes of one row, by input tensor, where the file leaves sizes open. */
  rowShapes: ReadonlyMap<string, readonly number[]>;
}

/**
 * Copies a network's files into a folder and writes a manifest beside them, last, with an example of zeros, which the network has
 * answered by then. Throws {@link ModelPackageError} when it cannot be served, or the folder holds a manifest.
 */
export async function initPackage({ file, folder, rowShapes }: InitRequest): Promise<Draft> {
  const path = join(folder, 'manifest.json');
  if (existsSync(path)) {
    throw new ModelPackageError(folder, ['it has a manifest.json, which is kept as it is']);
  }
  const format = await copyNetwork(file, folder);
  const manifest = emptyManifest(basename(realpathSync(folder)), format);
  const draft: Draft = {
    manifest,
    questions: ['What does the model predict? Write "title" and "description".'],
  };
  await draftTensors(draft, await readModelFiles(folder, manifest), rowShapes);
  draft.questions.push(
    'What are good names and bounds? Rename the members in "input", "example" and "columns" alike. In "input", numbers have a "minimum" and a "maximum", and words an "enum".',
    'What is a typical input? Put it into "example": engines are compared and timed by it.',
  );
  parseManifest(manifest, path);
  const text = inlined(JSON.stringify(manifest, null, 2));
  writeFileSync(`${path}.new`, `${text}\n`);
  renameSync(`${path}.new`, path);
  return draft;
}

/** JSON with its innermost lists and objects on a line each. JSON has line ends between values alone, and never in a text. */
const inlined = (json: string): string =>
  json.replaceAll(
    /([[{])\n\s*([^[\]{}]*)\n\s*([\]}])/g,
    (whole: string, open: string, inner: string, close: string) => {
      const line = inner.replaceAll(/\n\s*/g, ' ');
      if (open === '[') return `[${line}]`;
      return line.length > 100 ? whole : `{ ${line} ${close}`;
    },
  );

/** Copies the files that belong to a network, under the names that a package gives them. */
async function copyNetwork(file: string, folder: string): Promise<Manifest['format']> {
  const source = dirname(file);
  const isOnnx = file.endsWith('.onnx');
  const { format, paths } = isOnnx
    ? { format: 'onnx' as const, paths: [] }
    : await lookIntoModelJson(source, basename(file));
  makeFolder(folder);
  const copy = (from: string, name: string): void => {
    const { fd } = openPackageFile(source, from, Number.MAX_SAFE_INTEGER);
    closeSync(fd);
    const target = join(folder, name);
    if (!existsSync(target) || realpathSync(target) !== realpathSync(join(source, from))) {
      copyFileSync(join(source, from), target);
    }
  };
  for (const name of paths) copy(name, name);
  copy(basename(file), isOnnx ? 'model.onnx' : 'model.json');
  return format;
}

/** A tensor under the name that a signature gives it, where there is one. */
const asSigned = (tensor: DeclaredTensor): DeclaredTensor => ({
  ...tensor,
  name: tensor.aliases.at(-1) ?? tensor.name,
});

async function draftTensors(
  draft: Draft,
  files: ModelFiles,
  rowShapes: InitRequest['rowShapes'],
): Promise<void> {
  const { manifest, questions } = draft;
  await loadDemanded(engineFor(manifest, 'wasm'), { onTry: () => undefined });
  const network = await loadNetwork(files);
  try {
    draftInputs(draft, network.inputs.map(asSigned), rowShapes);
    const withheld: string[] = [];
    const given = network.outputs.map(asSigned).filter((tensor) => {
      const problem = network.outputProblem?.(tensor) ?? (tensor.type === 'string' && 'is of strings');
      if (problem) withheld.push(`The output tensor "${tensor.name}" ${problem}. It is left out.`);
      return !problem;
    });
    if (given.length === 0) throw new ModelPackageError(files.folder, withheld);
    questions.push(...withheld);
    manifest.outputs = given.map(({ name }) => ({ member: name, tensor: name }));
    draftOutputs(draft, given, await widthsOf(given));
  } finally {
    network.dispose();
  }

  /** How many numbers a row of each output tensor has, by a run on zeros. */
  async function widthsOf(given: readonly DeclaredTensor[]): Promise<number[]> {
    const layout = createColumnLayout(manifest);
    const binding = bind(files.folder, { manifest, specs: layout.tensors, network });
    const runner = network.runnerFor(binding);
    try {
      const { columns } = await decodeImages(layout, layout.allocate(1));
      const values = await runner.run(toNumbers(layout.tensors, columns));
      return given.map(({ name }) => {
        const tensor = findTensor(network.outputs, name)!;
        return values[binding.outputTensors.indexOf(tensor.name)]!.length;
      });
    } catch (cause) {
      throw new ModelPackageError(files.folder, [`a row of zeros is not answered: ${messageOf(cause)}`]);
    } finally {
      runner.dispose();
    }
  }
}
