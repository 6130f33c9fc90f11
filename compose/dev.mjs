// What compose.dev.yaml runs: node dev.mjs <api|worker> builds and starts the program. With --watch-path, node does
// both again whenever a source has changed.
import { build, isBuilt } from '../scripts/setup/build.mjs';
import { importBuilt, root } from '../scripts/setup/project.mjs';

const [name] = process.argv.slice(2);
if (!isBuilt(root)) await build(root);
await importBuilt(`${name}/main.js`);
