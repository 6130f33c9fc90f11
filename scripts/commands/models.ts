import type { Command } from 'commander';
import { isRecord } from '../../shared/text/is-record.js';
import type { ModelBody } from '../../shared/contract/model.js';
import { addConnectionOptions, type ConnectionOptions, withClient } from './connection.js';

const HELP = `
Examples:
  $ npx waggle models
  $ npx waggle models --json | tail -1 | jq '.models[].name'`;

/** `waggle models`: what a running API can predict, and from what. */
export function registerModelsCommand(program: Command): void {
  const command = program
    .command('models')
    .description('Lists what a running API can predict, and from what.');
  addConnectionOptions(command)
    .addHelpText('after', HELP)
    .action((options: ConnectionOptions) =>
      withClient(options, async (client) => {
        const models = await client.models();
        if (options.json) console.log(JSON.stringify({ models }));
        else console.log(models.map(describe).join('\n\n'));
      }),
    );
}

function describe(model: ModelBody): string {
  const { name, version, title, description, input, outputs, example, workers = [] } = model;
  const engines = [...new Set(workers.map(({ engine }) => engine))];
  return [
    `${name} ${version}${model.default ? ' (default)' : ''}  ${title}`,
    `  ${description}`,
    `  takes    ${inputMembers(input).join(', ')}`,
    `  gives    ${outputs.map(({ member, unit }) => (unit === undefined ? member : `${member} in ${unit}`)).join(', ')}`,
    `  runs on  ${engines.join(', ') || (model.held_up ?? 'no worker that reported lately')}`,
    `  example  ${JSON.stringify(example)}`,
  ].join('\n');
}

/** The members of an input by name, those that may be left out in brackets. */
function inputMembers({ properties, required }: Record<string, unknown>): string[] {
  const isRequired = (name: string) => Array.isArray(required) && required.includes(name);
  return Object.keys(isRecord(properties) ? properties : {}).map((name) =>
    isRequired(name) ? name : `[${name}]`,
  );
}
