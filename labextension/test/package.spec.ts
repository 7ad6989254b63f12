import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

import { VERSION } from '../src/version';

/** Read a file of the repository; the tests run in `labextension`. */
const read = (path: string): string => readFileSync(join(process.cwd(), path), 'utf8');

describe('the version', () => {
  it('is one in Python, in npm and in the code', () => {
    const python = /^__version__ = "(.*)"$/m.exec(read('../jupyter_vnc/__init__.py'))![1];
    const npm = (JSON.parse(read('package.json')) as { version: string }).version;
    assert.equal(VERSION, python);
    assert.equal(npm, VERSION.replace(/\.?(dev|a|b|rc)/, '-$1'));
  });
});

describe('the lock file', () => {
  it('names no place to download from', () => {
    assert.doesNotMatch(read('yarn.lock'), /https?:/);
  });
});
