/**
 * Bundle the scripts and the style sheet of our own pages. With `--watch`, again after each change.
 */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import * as esbuild from 'esbuild';

import { here, locale, serverStatic, target } from './paths.mjs';

const out = join(serverStatic, 'viewer');
const context = await esbuild.context({
  entryPoints: [
    join(here, 'src', 'viewer', 'pages', 'page.ts'),
    join(here, 'src', 'viewer', 'pages', 'list.ts'),
    join(here, 'src', 'viewer', 'pages', 'room.ts'),
    join(here, 'src', 'viewer', 'pages', 'look.ts'),
    join(here, 'src', 'viewer', 'pages', 'admin.ts'),
    join(here, 'src', 'viewer', 'pages', 'attendance.ts'),
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

// JupyterLab's icons, unmodified, by their names: the list has what a target's `icon` names, without JupyterLab.
const source = join(here, 'node_modules', '@jupyterlab', 'ui-components');
const { name, version, license } = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
const table = await readFile(join(source, 'lib', 'icon', 'iconimports.js'), 'utf8');
const files = new Map(
  [...table.matchAll(/import (\w+) from '\.\.\/\.\.\/(\S+\.svg)'/g)].map(([, key, file]) => [key, file])
);
await mkdir(join(out, 'icons'), { recursive: true });
for (const [, icon, key] of table.matchAll(/name: 'ui-components:([\w-]+)', svgstr: (\w+)/g)) {
  await copyFile(join(source, files.get(key)), join(out, 'icons', `${icon}.svg`));
}
const [, ...conditions] = (await readFile(join(here, '..', 'LICENSE'), 'utf8')).split(/^Copyright.*$/m);
await writeFile(
  join(out, 'icons', 'LICENSE.txt'),
  `The icons of ${name} ${version}, unmodified, ${license}\n\n` +
    `Copyright (c) 2015-2025 Project Jupyter Contributors${conditions.join('')}`
);
