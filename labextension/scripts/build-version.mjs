/**
 * Write the version of the Python package where the front end has it. It is set in `jupyter_vnc/__init__.py` and nowhere
 * else; what is up to date is left alone, so that nothing is built anew for it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { here } from './paths.mjs';

const python = await readFile(join(here, '..', 'jupyter_vnc', '__init__.py'), 'utf8');
const version = /^__version__ = "(.+)"$/m.exec(python)[1];
// npm's spelling: 0.2.0-rc1 for 0.2.0rc1, and 0.2.0-dev0 for 0.2.0.dev0.
const npm = version.replace(/\.?(dev|a|b|rc)/, '-$1');

await replace('package.json', /^( {2}"version": ").*(",)$/m, npm);
await replace(join('src', 'version.ts'), /^(export const VERSION = ').*(';)$/m, version);

async function replace(name, line, value) {
  const path = join(here, name);
  const before = await readFile(path, 'utf8');
  const after = before.replace(line, `$1${value}$2`);
  if (after !== before) {
    await writeFile(path, after);
  }
}
