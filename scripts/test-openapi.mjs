#!/usr/bin/env node
// npm run test:openapi: what Redocly and Spectral find in the document of /openapi.json, by the rules that they recommend.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runNpm } from './setup/install.mjs';
import { prepare } from './setup/prepare.mjs';
import { step } from './setup/progress.mjs';
import { cacheDir, importBuilt, root } from './setup/project.mjs';
import { runCommand } from './setup/run-command.mjs';
import { firstLine, main, SetupError } from './setup/setup-error.mjs';

const LINTERS = ['@redocly/cli@2.77.0', '@stoplight/spectral-cli@6.16.3'];
const folder = join(cacheDir, 'openapi-linters');

async function installLinters() {
  if (existsSync(join(folder, 'node_modules/.bin/spectral'))) return;
  try {
    await step('Installing Redocly and Spectral (once)', () =>
      runNpm(['install', '--ignore-scripts', ...LINTERS], { cwd: folder }),
    );
  } catch (error) {
    throw new SetupError(
      `nothing was checked, since ${LINTERS.join(' and ')} cannot be installed: ${firstLine(error)}`,
    );
  }
}

/** Writes the document as it is served with keys and without. Returns its files. */
async function writeDocuments() {
  const { describeService } = await importBuilt('api/openapi/document.js');
  const { allRoutes } = await importBuilt('api/routes/all-routes.js');
  const { ModelRegistry } = await importBuilt('api/models/model-registry.js');
  const models = new ModelRegistry(join(root, 'model')).current;
  return [true, false].map((hasKeys) => {
    const file = join(folder, hasKeys ? 'with-keys.json' : 'without-keys.json');
    writeFileSync(
      file,
      JSON.stringify(describeService(allRoutes(), models, { title: 'Waggle', hasKeys }), null, 2),
    );
    return file;
  });
}

await main(async () => {
  await prepare();
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}');
  writeFileSync(join(folder, 'spectral.json'), '{"extends":"spectral:oas"}');
  await installLinters();
  const bin = join(folder, 'node_modules/.bin');
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
  for (const file of await writeDocuments()) {
    const redocly = ['lint', '--extends=recommended', '--max-problems=1000', '--format=json', file];
    const said = await runCommand(join(bin, 'redocly'), redocly, { cwd: folder, env });
    // Warnings, too, are findings; it ends with code 0 for them.
    const warnings = Number(/"warnings": *(\d+)/.exec(said)?.[1] ?? Number.NaN);
    if (warnings !== 0) throw new SetupError(said);
    const spectral = ['lint', '--ruleset', 'spectral.json', '--fail-severity', 'hint', file];
    await runCommand(join(bin, 'spectral'), spectral, { cwd: folder, env });
    console.log(`${file}: Redocly and Spectral find nothing`);
  }
});
