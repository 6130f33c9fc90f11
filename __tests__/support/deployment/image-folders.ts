import { execFile } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ignoring } from './dockerignore.js';
import { readStages, type Stage, type Step } from './dockerfile.js';

const ROOT = resolve(__dirname, '../../..');
const run = promisify(execFile);
/** What a build is sent of the repository. */
const contextHolds = ignoring(readFileSync(join(ROOT, '.dockerignore'), 'utf8'));

/** What may be run outside of a container: it stays in the folder. */
const HARMLESS = /^(npm (ci|run build)\b|find node_modules )[^;&|]*$/;

/**
 * Makes folders of images, without a container engine: each stage is a folder that stands for its root, COPY copies,
 * and RUN runs, there. Stages of the same text are made once. One thing is spared: the packages of the stage `build`
 * are those of this checkout, which the same `npm ci` installed.
 */
export class ImageFolders {
  /** Stages that take nothing from others, by their text. */
  readonly #made = new Map<string, Promise<string>>();
  #folders = 0;

  /** `dir`: where the folders go. */
  constructor(private readonly dir: string) {}

  /** Makes a stage of a Dockerfile, the last one unless named; resolves to the folder that stands for its WORKDIR. */
  async make(file: string, target = readStages(file).at(-1)?.name): Promise<string> {
    const folders = new Map<string, string>();
    for (const stage of readStages(file)) {
      const folder = await this.#stage(stage, folders);
      if (stage.name === target) return join(folder, workdirOf(stage));
      folders.set(stage.name, folder);
    }
    throw new Error(`${file} has no stage ${target}`);
  }

  #stage(stage: Stage, folders: ReadonlyMap<string, string>): Promise<string> {
    if (folders.has(stage.base)) throw new Error(`FROM ${stage.base}: stages on stages are not read here`);
    if (stage.steps.some(({ from }) => from !== undefined)) return this.#run(stage, folders);
    const text = JSON.stringify(stage);
    const made = this.#made.get(text) ?? this.#run(stage, folders);
    this.#made.set(text, made);
    return made;
  }

  async #run(stage: Stage, folders: ReadonlyMap<string, string>): Promise<string> {
    this.#folders += 1;
    const folder = join(this.dir, String(this.#folders));
    const workdir = join(folder, workdirOf(stage));
    mkdirSync(workdir, { recursive: true });
    for (const step of stage.steps) await this.#step(step, { stage, workdir, folders });
    return folder;
  }

  async #step(
    { keyword, text, args, from }: Step,
    at: { stage: Stage; workdir: string; folders: ReadonlyMap<string, string> },
  ): Promise<void> {
    if (keyword === 'COPY') {
      const [to = '', ...sources] = args.toReversed();
      const origin = from === undefined ? ROOT : at.folders.get(from);
      if (origin === undefined) throw new Error(`COPY --from=${from}: there is no such stage`);
      for (const source of sources) copy(origin, source, join(at.workdir, to));
    } else if (keyword === 'RUN' && at.stage.name === 'build' && text.startsWith('npm ci ')) {
      symlinkSync(join(ROOT, 'node_modules'), join(at.workdir, 'node_modules'));
    } else if (keyword === 'RUN') {
      if (!HARMLESS.test(text)) throw new Error(`RUN ${text}: not run outside of a container`);
      await run('sh', ['-c', text], { cwd: at.workdir, env: builderEnv(), maxBuffer: 2 ** 26 });
    }
  }
}

/** A folder's content is copied; a file is, to the target, or into it where its name ends in a slash. */
function copy(origin: string, source: string, target: string): void {
  const path = join(origin, source);
  const isInto = target.endsWith('/') && statSync(path).isFile();
  const to = isInto ? join(target, basename(source)) : target;
  mkdirSync(dirname(to), { recursive: true });
  if (origin !== ROOT) copyTree(path, to);
  else {
    const filter = (file: string): boolean =>
      contextHolds(relative(ROOT, file), statSync(file).isDirectory());
    cpSync(path, to, { recursive: true, filter });
  }
}

/** Copies, but for the thousands of files of packages, which nobody changes: those are linked. */
function copyTree(from: string, to: string): void {
  const entry = lstatSync(from);
  if (entry.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (entry.isFile()) (from.includes('node_modules') ? linkSync : copyFileSync)(from, to);
  else {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) copyTree(join(from, name), join(to, name));
  }
}

const workdirOf = (stage: Stage): string =>
  stage.steps.find(({ keyword }) => keyword === 'WORKDIR')?.text ?? '/';

/** This process's environment, less what npm and Jest tell the programs that they start. */
function builderEnv(): NodeJS.ProcessEnv {
  const foreign = /^(npm_(?!config_)|npm_config_(local_)?prefix|JEST_|NODE_ENV|NODE_OPTIONS|INIT_CWD)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}
