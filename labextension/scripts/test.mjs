/**
 * Run the unit tests: bundle each `test/*.spec.ts` and give the bundles to Node's own test runner.
 *
 * Arguments are passed on to `node --test`, for example `--test-name-pattern=reconnect`.
 */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import * as esbuild from 'esbuild';

import { here } from './paths.mjs';

const tests = join(here, 'test');
const specs = (await readdir(tests)).filter(name => name.endsWith('.spec.ts'));
// Inside this package, so that the bundles find the packages that stay outside of them.
const out = await mkdtemp(join(here, 'node_modules', '.test-'));
let status = 1;
try {
  await esbuild.build({
    entryPoints: specs.map(name => join(tests, name)),
    outdir: out,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    // This package declares itself free of side effects; the set-up of the tests is one.
    ignoreAnnotations: true,
    mainFields: ['module', 'main'],
    conditions: ['style'],
    external: ['happy-dom', 'ws', '@novnc/novnc'],
    loader: { '.svg': 'text', '.css': 'empty', '.raw.css': 'empty' },
    sourcemap: 'inline',
    logLevel: 'warning'
  });
  const bundles = specs.map(name => join(out, name.replace(/\.ts$/, '.cjs')));
  const run = spawnSync(
    process.execPath,
    ['--enable-source-maps', '--test', '--test-reporter=spec', ...process.argv.slice(2), ...bundles],
    { stdio: 'inherit' }
  );
  status = run.status ?? 1;
} finally {
  await rm(out, { recursive: true });
}
process.exitCode = status;
