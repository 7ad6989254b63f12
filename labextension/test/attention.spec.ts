import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { Alone } from '../src/viewer/pages/alone';
import { Attention, BEAT } from '../src/viewer/pages/room-attention';
import { english } from '../src/viewer/ui/i18n';
import { HeldSign } from '../src/viewer/screen/held';
import type { IAttentionAnswer, IAttentionRequest } from '../src/viewer/pages/room-server';
import type { IPerson } from '../src/viewer/pages/room-rows';
import { type Note, takeNotes } from '../src/viewer/connection/notices';
import { Viewer } from '../src/viewer/viewer';

const person = (name: string, server: string | null = null): IPerson =>
  ({
    key: `lab/${name}`,
    name,
    target: 'lab',
    machine: null,
    server,
    since: '',
    lastInput: null,
    hand: null,
    sessions: [{ id: name }],
    watchers: [],
    shown: true,
    holds: false,
    state: 'here',
    absent: false,
    gone: null
  }) as unknown as IPerson;

describe('attention', () => {
  let world: World;
  let node: HTMLElement;
  let asked: (IAttentionRequest & { leaving: boolean })[];
  let missed: IAttentionAnswer['missed'];
  let fails: boolean;
  let gate: Promise<void>;
  let attention: Attention;

  const button = (): HTMLButtonElement => node.querySelector('button')!;
  const owners = (): string[][] => asked.map(({ desktops }) => desktops.map(({ owner }) => owner));

  beforeEach(() => {
    [world, asked, missed, fails, gate] = [new World(), [], [], false, Promise.resolve()];
    document.body.replaceChildren((node = document.createElement('div')));
    const server = {
      attention: async (request: IAttentionRequest, leaving = false): Promise<IAttentionAnswer> => {
        asked.push({ ...request, leaving });
        await gate;
        if (fails) {
          throw new Error('away');
        }
        return { missed };
      },
      sentence: () => 'The server does not answer.'
    };
    attention = new Attention(node, server, english, world.clock);
  });

  it('is one request for all, and goes on until it is lifted', async () => {
    assert.ok(node.hidden);
    const all = [attention.hold(person('ann'), 'Look.'), attention.hold(person('bob', ''), 'Look.')];
    assert.deepEqual(await Promise.all(all), ['', '']);
    const desktops = [
      { target: 'lab', owner: 'ann', server: null },
      { target: 'lab', owner: 'bob', server: '' }
    ];
    const first = { desktops, hold: true, text: 'Look.', again: false, leaving: false };
    assert.deepEqual(asked, [first]);
    assert.match(node.textContent!, /The input of 2 people is held/);
    assert.ok(!node.hidden);
    await world.clock.advance(2 * BEAT);
    assert.deepEqual(asked.slice(1), [
      { ...first, again: true },
      { ...first, again: true }
    ]);
    button().click();
    await settle();
    assert.deepEqual(asked[3], { desktops, hold: false, leaving: true });
    assert.ok(node.hidden);
    await world.clock.advance(5 * BEAT);
    assert.equal(asked.length, 4);
  });

  it('is lifted when the page is left', async () => {
    await attention.hold(person('ann'), '');
    window.dispatchEvent(new Event('pagehide'));
    assert.equal(asked.at(-1)!.hold, false);
    assert.ok(asked.at(-1)!.leaving);
    await world.clock.advance(5 * BEAT);
    assert.equal(asked.length, 2);
  });

  it('is lifted when the page is left before the server has answered', async () => {
    let open = (): void => {};
    gate = new Promise(done => (open = done));
    const held = attention.hold(person('ann'), '');
    await settle();
    window.dispatchEvent(new Event('pagehide'));
    assert.deepEqual(
      asked.map(({ hold }) => hold),
      [true, false]
    );
    open();
    await held;
    assert.ok(node.hidden);
    await world.clock.advance(5 * BEAT);
    assert.equal(asked.length, 2);
  });

  it('is lifted after what was on its way', async () => {
    await attention.hold(person('ann'), '');
    let open = (): void => {};
    gate = new Promise(done => (open = done));
    await world.clock.advance(BEAT);
    button().click();
    await settle();
    assert.ok(node.hidden);
    assert.equal(asked.length, 2, 'the server could hear the two in another order');
    open();
    await settle();
    assert.deepEqual(
      asked.map(({ hold }) => hold),
      [true, true, false]
    );
  });

  it('counts people, and is done for those all of whose desktops are held', async () => {
    const gpu = { ...person('ann'), key: 'gpu/ann', target: 'gpu' };
    missed = [{ index: 1, message: 'ann is not at this desktop now.' }];
    const groups = [
      { name: 'ann', places: [person('ann'), gpu] },
      { name: 'bob', places: [person('bob')] }
    ];
    assert.deepEqual(await attention.deed.run(groups, 'Look.'), [
      { name: 'ann', trouble: 'ann is not at this desktop now.' },
      { name: 'bob', trouble: '' }
    ]);
    assert.deepEqual(owners(), [['ann', 'ann', 'bob']]);
    missed = [];
    await attention.deed.run(groups, 'Look.');
    assert.match(node.textContent!, /of 2 people is held\.R/);
  });

  it('says who is not held, and asks again only for the others', async () => {
    missed = [{ index: 0, message: 'ann is not at this desktop now.' }];
    const all = [attention.hold(person('ann'), ''), attention.hold(person('bob'), '')];
    assert.deepEqual(await Promise.all(all), ['ann is not at this desktop now.', '']);
    missed = [];
    await world.clock.advance(BEAT);
    assert.deepEqual(owners(), [['ann', 'bob'], ['bob']]);
  });

  it('goes on when somebody has left for a moment, or the server has', async () => {
    await Promise.all([attention.hold(person('ann'), ''), attention.hold(person('bob'), '')]);
    missed = [{ index: 1, message: 'bob is not at this desktop now.' }];
    await world.clock.advance(BEAT);
    assert.match(node.textContent!, /of 1 person is held\. bob is not/);
    fails = true;
    await world.clock.advance(BEAT);
    assert.match(node.textContent!, /of 0 people is held\. The server does not answer/);
    [fails, missed] = [false, []];
    await world.clock.advance(BEAT);
    assert.match(node.textContent!, /of 2 people is held\.R/);
  });

  it('is nobody where nobody could be held', async () => {
    fails = true;
    assert.deepEqual(await attention.hold(person('ann'), ''), 'The server does not answer.');
    assert.ok(node.hidden);
    await world.clock.advance(5 * BEAT);
    assert.equal(asked.length, 1);
  });
});

describe('only whoever looks in types', () => {
  it('is offered to those in control, and told again and again while it is on', async () => {
    const [world, told] = [new World(), [] as string[]];
    const alone = new Alone(english, text => told.push(text), world.clock);
    const { node } = alone;
    assert.ok(node.hidden);
    alone.follow(true);
    assert.ok(!node.hidden);
    assert.equal(node.getAttribute('aria-pressed'), 'false');
    await world.clock.advance(2 * BEAT);
    assert.deepEqual(told, []);
    node.click();
    alone.follow(true);
    assert.equal(node.getAttribute('aria-pressed'), 'true');
    await world.clock.advance(BEAT);
    const [on, off] = [true, false].map(value => JSON.stringify({ type: 'alone', on: value }));
    assert.deepEqual(told, [on, on]);
    node.click();
    await world.clock.advance(2 * BEAT);
    assert.deepEqual(told, [on, on, off]);
  });

  it('is over with the connection', async () => {
    const [world, told] = [new World(), [] as string[]];
    const alone = new Alone(english, text => told.push(text), world.clock);
    alone.follow(true);
    alone.node.click();
    alone.follow(false);
    assert.ok(alone.node.hidden);
    await world.clock.advance(5 * BEAT);
    alone.follow(true);
    assert.equal(alone.node.getAttribute('aria-pressed'), 'false');
    assert.equal(told.length, 1);
  });
});

describe('the sign that input is held', () => {
  const held = { kind: 'held', by: 'ada', why: 'attention', text: 'Look here.' } as const;

  it('names who holds it, with their sentence, until they do not', () => {
    const sign = new HeldSign(english);
    assert.ok(sign.node.hidden);
    sign.show(held);
    assert.ok(!sign.node.hidden);
    assert.deepEqual(
      [...sign.node.children].map(one => one.textContent),
      ['ada asks for your attention.', 'Look here.', 'Keyboard and mouse are paused.']
    );
    sign.show({ ...held, why: 'control', text: '' });
    assert.match(sign.node.textContent!, /^ada is working at this desktop\./);
    sign.show({ kind: 'held', by: null, why: null, text: '' });
    assert.ok(sign.node.hidden);
    assert.equal(sign.node.textContent, '');
  });

  it('is over a viewer, and goes with the connection', async () => {
    const world = new World();
    const viewer = new Viewer(world.options);
    document.body.replaceChildren(viewer.node);
    viewer.connect();
    await world.succeed();
    const sign = viewer.node.querySelector<HTMLElement>('.jp-VNC-held')!;
    viewer.extras.noted(held);
    assert.ok(!sign.hidden);
    viewer.disconnect();
    assert.ok(sign.hidden);
    viewer.dispose();
  });

  for (const garbage of ['{"by": 7}', '{"by": "ada", "why": 1, "text": ""}', '{"by": null, "why": null}']) {
    it(`is no such note: ${garbage}`, () => {
      const socket = new EventTarget() as WebSocket;
      const notes: Note[] = [];
      takeNotes(socket, note => notes.push(note));
      const data = JSON.stringify({ kind: 'held', ...(JSON.parse(garbage) as object) });
      socket.dispatchEvent(new MessageEvent('message', { data }));
      assert.deepEqual(notes, []);
    });
  }
});
