/**
 * Rebuild whatever changes: the library, the labextension and the pages. Ends with the terminal.
 */
import { spawn } from 'node:child_process';

import { here } from './paths.mjs';

const commands = [
  ['jlpm', ['tsc', '--watch', '--sourceMap']],
  ['jupyter-builder', ['watch', '.']],
  ['node', ['scripts/build-viewer.mjs', '--watch']]
];
const children = commands.map(([command, args]) => spawn(command, args, { cwd: here, stdio: 'inherit' }));
for (const child of children) {
  child.on('exit', () => children.forEach(other => other.kill()));
}
