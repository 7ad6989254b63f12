import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { askBeforeLeaving } from '../src/viewer/input/leaving';

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
