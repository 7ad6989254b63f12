/**
 * Translate the sources into `lib`, file by file and without checking their types, which takes most of a build's time.
 * For the demo only: it must be quick, and whoever changes the sources runs `make test`.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import * as esbuild from 'esbuild';

import { here, target } from './paths.mjs';

const source = join(here, 'src');
const names = await readdir(source, { recursive: true });

await esbuild.build({
  entryPoints: names.filter(name => /\.tsx?$/.test(name)).map(name => join(source, name)),
  outdir: join(here, 'lib'),
  outbase: source,
  format: 'esm',
  target
});
