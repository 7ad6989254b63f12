import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { giveBack, type IPool, poolWords } from '../src/viewer/pool';
import { english } from '../src/viewer/ui/i18n';
import { PageToolbar } from '../src/viewer/toolbar/toolbar';
import { Viewer } from '../src/viewer/viewer';

beforeEach(() => document.body.replaceChildren());

const pool: IPool = { machine: null, place: null, waiting: 0, size: 20, free: 0, aside: 0 };

const press = (word: string): void =>
  [...document.querySelectorAll<HTMLElement>('dialog button')].find(one => one.textContent === word)!.click();

describe('a pool', () => {
  for (const [how, words] of [
    [{ machine: 'm1', free: 3 }, 'Your machine: m1'],
    [{ place: 2, waiting: 5 }, 'You are number 2 in the queue'],
    [{ free: 3 }, '3 of 20 machines are free'],
    [{ free: 1 }, '1 of 20 machines is free'],
    [{ size: 1 }, '1 machine is not free'],
    [{ waiting: 4 }, 'No machine of 20 is free; waiting: 4'],
    [{}, 'No machine of 20 is free']
  ] as const) {
    it(`says how the reader stands: ${words}`, () => {
      assert.equal(poolWords(english, { ...pool, ...how }), words);
    });
  }
});

describe('giving a machine back', () => {
  it('is asked for first', async () => {
    let asked = 0;
    const remove = async (): Promise<Response> => {
      asked += 1;
      return new Response(null, { status: 204 });
    };
    const first = giveBack(english, remove);
    assert.equal(
      document.activeElement?.textContent,
      'Cancel',
      'no key that was meant for the desktop does it'
    );
    press('Cancel');
    await first;
    assert.equal(asked, 0);
    const second = giveBack(english, remove);
    press('Give the machine back');
    await second;
    assert.equal(asked, 1);
    assert.equal(document.querySelector('dialog'), null);
  });

  for (const [what, remove, words] of [
    [
      'no answer',
      async () => Promise.reject(new TypeError('Failed to fetch')),
      'The server does not answer.'
    ],
    [
      'a refusal',
      async () =>
        new Response('{"message": "The server is stopping.", "reason": "stopping"}', { status: 503 }),
      'The server is stopping.'
    ]
  ] as const) {
    it(`says it when it fails: ${what}`, async () => {
      const done = giveBack(english, remove);
      press('Give the machine back');
      await settle();
      await settle();
      assert.equal(document.querySelector('dialog p')!.textContent, words);
      press('Close');
      await done;
    });
  }

  it('that is gone already is no failure', async () => {
    const done = giveBack(english, async () => new Response('{}', { status: 404 }), true);
    press('Leave the queue');
    await done;
    assert.equal(document.querySelector('dialog'), null);
  });

  it('is offered by the toolbar where there is one, once the desktop is there', async () => {
    for (const given of [undefined, () => void (pressed += 1)]) {
      const world = new World();
      const viewer = new Viewer({ ...world.options, giveBack: given });
      const toolbar = new PageToolbar(viewer, english, []);
      const button = toolbar.node.querySelector<HTMLButtonElement>('[data-action=give-back]')!;
      assert.equal(button.hidden, given === undefined);
      assert.ok(button.disabled);
      viewer.connect();
      await world.succeed();
      assert.ok(!button.disabled);
      if (given) {
        button.click();
      }
      viewer.dispose();
    }
    assert.equal(pressed, 1);
  });

  let pressed = 0;
});
