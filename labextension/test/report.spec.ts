import './dom';
import { settle } from './fakes';

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { Coalesced } from '../src/viewer/ui/clock';
import { Emitter } from '../src/viewer/ui/emitter';
import { unattended } from '../src/viewer/ui/report';
import { FakeClock } from './fakes';

let reported: unknown[] = [];

beforeEach(() => {
  reported = [];
  mock.method(console, 'error', (...words: unknown[]) => void reported.push(words));
});
afterEach(() => mock.restoreAll());

describe('what nobody waits for', () => {
  it('is reported in one place when it fails', async () => {
    const error = new Error('no');
    unattended(Promise.reject(error));
    unattended(undefined);
    unattended(Promise.resolve(1));
    await settle();
    assert.deepEqual(reported, [['jupyter-vnc:', error]]);
  });
});

describe('a listener that fails', () => {
  it('is reported, and keeps neither the others nor whoever emits from going on', () => {
    const emitter = new Emitter<number>();
    const heard: number[] = [];
    emitter.on(() => assert.fail('a listener'));
    emitter.on(value => heard.push(value));
    emitter.emit(7);
    assert.deepEqual(heard, [7]);
    assert.equal(reported.length, 1);
  });
});

describe('what is coalesced', () => {
  it('happens at once, and then once in a while with what came last', async () => {
    const clock = new FakeClock();
    const coalesced = new Coalesced(clock, 100);
    const ran: number[] = [];
    for (let index = 0; index < 10; index += 1) {
      coalesced.set(() => ran.push(index));
    }
    assert.deepEqual(ran, [0]);
    await clock.advance(100);
    assert.deepEqual(ran, [0, 9]);
    coalesced.set(() => ran.push(10));
    coalesced.clear();
    await clock.advance(1000);
    assert.deepEqual(ran, [0, 9]);
    assert.equal(clock.pending, 0);
  });
});
