/**
 * Bundle noVNC, unmodified, into one ES module that every host loads by URL; put its licence and version beside it.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as esbuild from 'esbuild';

import { here, serverStatic, target } from './paths.mjs';

const source = join(here, 'node_modules', '@novnc', 'novnc');
const out = join(serverStatic, 'novnc');
const { name, version, license } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));

await mkdir(out, { recursive: true });
await esbuild.build({
  entryPoints: [join(source, 'core', 'rfb.js')],
  outfile: join(out, 'rfb.js'),
  bundle: true,
  format: 'esm',
  minify: true,
  legalComments: 'none',
  banner: {
    js: `/* ${name} ${version}, unmodified, ${license}: see LICENSE.txt. Its source is the npm package of that name and version. */`
  },
  target,
  logLevel: 'warning'
});
const licences = ['LICENSE.txt', 'docs/LICENSE.MPL-2.0', 'vendor/pako/LICENSE'];
const texts = await Promise.all(licences.map(path => readFile(join(source, path), 'utf8')));
await writeFile(
  join(out, 'LICENSE.txt'),
  licences.map((path, index) => `==== ${path} ====\n\n${texts[index].trimEnd()}\n`).join('\n')
);
await cp(join(source, 'AUTHORS'), join(out, 'AUTHORS'));
await writeFile(join(out, 'version.json'), `${JSON.stringify({ name, version, license }, null, 2)}\n`);
