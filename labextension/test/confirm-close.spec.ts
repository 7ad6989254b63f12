import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ask } from '../src/viewer/ui/dialog';
import { askBeforeLeaving } from '../src/viewer/input/confirm-close';
import { english } from '../src/viewer/ui/i18n';

/** Whether the browser would ask. */
function asks(): boolean {
  const event = new Event('beforeunload', { cancelable: true });
  window.dispatchEvent(event);
  return event.defaultPrevented;
}

describe('closing a tab', () => {
  it('is asked about while somebody works', () => {
    let works = true;
    const stop = askBeforeLeaving(() => works);
    assert.ok(asks());
    works = false;
    assert.ok(!asks());
    works = true;
    stop();
    assert.ok(!asks());
  });

  it('is not asked about when a link of the page leads away', () => {
    const stop = askBeforeLeaving(() => true);
    const link = document.createElement('a');
    link.href = '#';
    document.body.append(link);
    document.body.click();
    assert.ok(asks());
    link.click();
    assert.ok(!asks());
    stop();
    link.remove();
  });
});

describe('a question for a text', () => {
  const press = (node: Element, init: KeyboardEventInit): boolean =>
    node.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init }));

  it('is answered by Enter, and has more lines by Shift+Enter', async () => {
    const answer = ask(english, { title: 'Message', yes: 'Send', longest: 500 });
    const area = document.querySelector<HTMLTextAreaElement>('dialog textarea')!;
    area.value = 'hello';
    assert.ok(press(area, { key: 'Enter', shiftKey: true }), 'the browser breaks the line');
    assert.ok(press(area, { key: 'Enter', isComposing: true }), 'the input method takes it');
    assert.ok(document.querySelector('dialog'));
    assert.ok(!press(area, { key: 'Enter' }));
    assert.equal(await answer, 'hello');
    assert.equal(document.querySelector('dialog'), null);
  });

  it('is not answered by Enter while there is nothing to send', () => {
    void ask(english, { title: 'Message', yes: 'Send', longest: 500 });
    const area = document.querySelector('dialog textarea')!;
    assert.ok(!press(area, { key: 'Enter' }));
    assert.ok(document.querySelector('dialog'));
    document.querySelector('dialog')!.remove();
  });
});
