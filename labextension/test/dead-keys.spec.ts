import './dom';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { DeadKeys } from '../src/viewer/input/dead-keys';
import { FakeRFB } from './fakes';

describe('dead keys', () => {
  let screen: HTMLElement;
  let canvas: HTMLElement;
  let sent: (number | string | boolean | undefined)[][];
  let left: string[];

  beforeEach(() => {
    sent = [];
    left = [];
    screen = document.createElement('div');
    canvas = document.createElement('div');
    screen.append(canvas);
    const rfb = new FakeRFB(screen, {} as WebSocket);
    rfb.sendKey = (...args: [number, string, boolean?]) => void sent.push(args);
    new DeadKeys(screen, () => rfb, new AbortController().signal);
    for (const type of ['keydown', 'keyup']) {
      canvas.addEventListener(type, event => left.push(`${type} ${(event as KeyboardEvent).key}`));
    }
  });

  function say(type: string, code: string, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
    const event = new KeyboardEvent(type, { code, key, bubbles: true, cancelable: true, ...more });
    canvas.dispatchEvent(event);
    return event;
  }

  it('make one character with the next key', () => {
    say('keydown', 'Backquote', 'Dead');
    say('keyup', 'Backquote', 'Dead');
    assert.ok(!say('keydown', 'KeyE', 'e').defaultPrevented); // or there would be no keypress
    assert.ok(say('keypress', 'KeyE', 'ê').defaultPrevented);
    assert.ok(say('keydown', 'KeyE', 'e', { repeat: true }).defaultPrevented);
    say('keyup', 'KeyE', 'e');
    say('keydown', 'KeyE', 'e');
    assert.deepEqual(sent, [
      [0xea, 'KeyE', true],
      [0xea, 'KeyE', true],
      [0xea, 'KeyE', false]
    ]);
    // A server that goes by the places of keys gets the dead key itself.
    assert.deepEqual(left, ['keydown Dead', 'keyup Dead', 'keydown e']);
  });

  it('go with capitals', () => {
    say('keydown', 'Equal', 'Dead');
    say('keydown', 'ShiftLeft', 'Shift');
    say('keydown', 'KeyE', 'E', { shiftKey: true });
    say('keypress', 'KeyE', 'É', { shiftKey: true });
    assert.deepEqual(sent, [[0xc9, 'KeyE', true]]);
  });

  it('lose no letter where the browser makes nothing of the two', () => {
    say('keydown', 'Equal', 'Dead');
    say('keydown', 'KeyX', 'x');
    say('keyup', 'KeyX', 'x');
    assert.deepEqual(sent, [
      [0x78, 'KeyX', true],
      [0x78, 'KeyX', false]
    ]);
  });

  it('leave shortcuts and keys without a character alone', () => {
    say('keydown', 'Equal', 'Dead');
    say('keydown', 'KeyC', 'c', { ctrlKey: true });
    say('keydown', 'Equal', 'Dead');
    say('keydown', 'Enter', 'Enter');
    say('keydown', 'KeyE', 'e');
    assert.deepEqual(sent, []);
    assert.deepEqual(left, ['keydown Dead', 'keydown c', 'keydown Dead', 'keydown Enter', 'keydown e']);
  });

  it('are forgotten with the focus', () => {
    say('keydown', 'Equal', 'Dead');
    canvas.dispatchEvent(new FocusEvent('focusout', { bubbles: true }));
    say('keydown', 'KeyE', 'e');
    assert.deepEqual(left, ['keydown Dead', 'keydown e']);
  });
});
