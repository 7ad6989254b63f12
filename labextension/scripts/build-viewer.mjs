/**
 * Bundle the scripts and the style sheet of our own pages. With `--watch`, again after each change.
 */
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as esbuild from 'esbuild';

import { here, locale, serverStatic, target } from './paths.mjs';

const out = join(serverStatic, 'viewer');
const context = await esbuild.context({
  entryPoints: [
    join(here, 'src', 'viewer', 'pages', 'page.ts'),
    join(here, 'src', 'viewer', 'pages', 'list.ts'),
    join(here, 'src', 'viewer', 'pages', 'room.ts'),
    join(here, 'src', 'viewer', 'pages', 'admin.ts'),
    join(here, 'src', 'viewer', 'pages', 'page.css')
  ],
  entryNames: '[name]',
  outdir: out,
  bundle: true,
  format: 'esm',
  minify: true,
  target,
  logLevel: 'warning'
});
if (process.argv.includes('--watch')) {
  await context.watch();
} else {
  await context.rebuild();
  await context.dispose();
}

// The pages read the catalogues that JupyterLab finds in the Python package.
for (const language of await readdir(locale)) {
  await copyFile(join(locale, language, 'LC_MESSAGES', 'jupyter_vnc.json'), join(out, `${language}.json`));
}

// The pages' icon is the drawing that the toolbars use.
const { outputFiles } = await esbuild.build({
  entryPoints: [join(here, 'src', 'viewer', 'toolbar', 'desktop-icon.ts')],
  bundle: true,
  format: 'esm',
  write: false
});
const icons = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
await writeFile(join(out, 'desktop.svg'), icons.DESKTOP);
