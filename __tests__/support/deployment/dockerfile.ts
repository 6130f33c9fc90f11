import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Copy, DockerfileParser, type Instruction } from 'dockerfile-ast';
import { COMPOSE } from './compose-files.js';

/** A step of a stage: `RUN`, `COPY` and so on, with what stands behind it. */
export interface Step {
  keyword: string;
  /** All behind the keyword, flags included, in one line. */
  text: string;
  args: string[];
  /** `COPY --from=...` */
  from?: string;
}

/** From one FROM to the next. */
export interface Stage {
  /** Its name, or its number. */
  name: string;
  /** An image, or the name of an earlier stage. */
  base: string;
  steps: Step[];
}

const read = new Map<string, Stage[]>();

/** The stages of a Dockerfile of the folder, in order. Arguments before the first FROM are filled in. */
export function readStages(file: string): readonly Stage[] {
  const known = read.get(file) ?? parseStages(file);
  read.set(file, known);
  return known;
}

function parseStages(file: string): Stage[] {
  const stages: Stage[] = [];
  const defaults = new Map<string, string>();
  for (const instruction of DockerfileParser.parse(readDockerfile(file)).getInstructions()) {
    const step = stepOf(instruction);
    if (step.keyword === 'FROM') {
      const [base = '', , name = String(stages.length)] = step.args;
      stages.push({ name, base: fill(base, defaults), steps: [] });
    } else if (stages.length === 0 && step.keyword === 'ARG') {
      const [name = '', value = ''] = step.text.split('=');
      defaults.set(name, value);
    } else stages.at(-1)?.steps.push(step);
  }
  return stages;
}

export const readDockerfile = (file: string): string => readFileSync(join(COMPOSE, file), 'utf8');

/** The last stage: what the image is. */
export function finalStage(file: string): Stage {
  const last = readStages(file).at(-1);
  if (!last) throw new Error(`${file} has no FROM`);
  return last;
}

/** The environment that the last stage sets. */
export function imageEnv(file: string): Record<string, string> {
  const pairs = stepsOf(finalStage(file), 'ENV').flatMap(({ text }) => text.split(/\s+/));
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

export const stepsOf = ({ steps }: Stage, keyword: string): Step[] =>
  steps.filter((step) => step.keyword === keyword);

/** The command in `CMD [...]` or `HEALTHCHECK ... CMD [...]`, which has to be a list. */
export function commandOf(stage: Stage, keyword: 'CMD' | 'HEALTHCHECK'): string[] {
  const [step] = stepsOf(stage, keyword);
  const list = step?.text.slice(step.text.indexOf('['));
  return JSON.parse(list ?? '[]') as string[];
}

function stepOf(instruction: Instruction): Step {
  const keyword = instruction.getKeyword();
  const from = keyword === 'COPY' ? (instruction as Copy).getFromFlag()?.getValue() : undefined;
  return {
    keyword,
    text: instruction.getRawArgumentsContent()?.trim() ?? '',
    args: instruction.getArguments().map((argument) => argument.getValue()),
    ...(from ? { from } : {}),
  };
}

const fill = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replace(/\$\{(\w+)\}/g, (_, name: string) => values.get(name) ?? '');
