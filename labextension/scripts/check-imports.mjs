/**
 * Find circles of imports: of files, and of files and folders beside each other. Types and lazy imports count, since a
 * reader follows them too.
 *
 *   node scripts/check-imports.mjs [--print]
 */
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';

import ts from 'typescript';

import { here } from './paths.mjs';

const root = join(here, 'src');
const names = (await readdir(root, { recursive: true })).filter(name => name.endsWith('.ts'));

/** What each file imports of ours. */
const files = new Map();
for (const name of names) {
  const { importedFiles } = ts.preProcessFile(await readFile(join(root, name), 'utf8'), true, true);
  const targets = importedFiles
    .filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => `${normalize(join(dirname(name), fileName))}.ts`);
  files.set(
    name,
    targets.filter(target => names.includes(target))
  );
}

/** The two neighbours in the folder that both files share: files, or folders as a whole. */
function neighbours(one, other) {
  const [here, there] = [one.split(sep), other.split(sep)];
  let shared = 0;
  while (shared < here.length - 1 && here[shared] === there[shared]) {
    shared++;
  }
  return [here, there].map(parts => parts.slice(0, shared + 1).join(sep));
}

const rooms = new Map();
for (const [file, targets] of files) {
  for (const target of targets) {
    const [one, other] = neighbours(file, target);
    rooms.set(one, new Set(rooms.get(one)).add(other));
  }
}

/** The first circle of a graph, as a path; undefined if there is none. */
function circle(graph) {
  const done = new Set();
  const path = [];
  const visit = node => {
    if (path.includes(node)) {
      return [...path.slice(path.indexOf(node)), node];
    }
    if (done.has(node)) {
      return undefined;
    }
    path.push(node);
    for (const next of graph.get(node) ?? []) {
      const found = visit(next);
      if (found) {
        return found;
      }
    }
    path.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = visit(node);
    if (found) {
      return found;
    }
  }
  return undefined;
}

if (process.argv.includes('--print')) {
  for (const [room, targets] of [...rooms].sort()) {
    console.log(`${room.padEnd(28)} ${[...targets].sort().join(' ')}`);
  }
}
const found = [circle(files), circle(rooms)].filter(Boolean).map(path => path.join(' -> '));
console.log(found.join('\n') || `No circle of imports in ${names.length} files.`);
process.exitCode = found.length > 0 ? 1 : 0;
