import './dom';
import { World } from './fakes';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { START_TIMEOUT } from '../src/viewer/connection/attempt';
import { type IMessage, type Note, placeWords, takeNotes } from '../src/viewer/connection/notices';
import { type IInbox, inboxIn, Messages } from '../src/viewer/screen/messages';
import { linked } from '../src/viewer/ui/links';
import { type IRoom, peopleIn } from '../src/viewer/pages/room-rows';
import type { IManaged } from '../src/viewer/connection/startup';
import { english } from '../src/viewer/ui/i18n';
import { PageToolbar } from '../src/viewer/toolbar/toolbar';
import { Viewer } from '../src/viewer/viewer';

/** A websocket as far as messages go, with noVNC's listener on it. */
function socketWithNoVNC(): { receive: (data: unknown) => void; notes: Note[]; rfb: unknown[] } {
  const socket = new EventTarget() as WebSocket;
  const notes: Note[] = [];
  const rfb: unknown[] = [];
  takeNotes(socket, note => notes.push(note));
  socket.addEventListener('message', ({ data }) => rfb.push(data));
  const receive = (data: unknown): boolean => socket.dispatchEvent(new MessageEvent('message', { data }));
  return { receive, notes, rfb };
}

const inbox = (kept = new Map<string, string>()): IInbox =>
  inboxIn({ get: key => kept.get(key) ?? null, set: (key, value) => void kept.set(key, value) }, 'lab');

describe('notes', () => {
  it('never reach noVNC, and its bytes do', () => {
    const { receive, notes, rfb } = socketWithNoVNC();
    const bytes = new ArrayBuffer(3);
    const note: Note = { kind: 'viewers', viewers: [{ user: 'ann', mode: 'view', you: true }], count: 1 };
    receive(JSON.stringify(note));
    receive(bytes);
    assert.deepEqual(notes, [note]);
    assert.deepEqual(rfb, [bytes]);
  });

  for (const garbage of [
    '',
    '{',
    'null',
    '7',
    '{"kind": "other"}',
    '{"kind": "message", "text": 7}',
    '{"kind": "place"}',
    '{"kind": "viewers"}',
    '{"kind": "viewers", "viewers": [], "count": "1"}',
    '{"kind": "viewers", "viewers": [null], "count": 1}',
    '{"kind": "viewers", "viewers": [{"user": "ann", "mode": "owner", "you": false}], "count": 1}',
    '{"kind": "idle", "seconds": "2"}',
    '{"kind": "overseen", "hands": 1, "looks": true, "since": null}',
    '{"kind": "overseen", "hands": true, "looks": true, "since": 7}'
  ]) {
    it(`that are none are dropped: ${garbage}`, () => {
      const { receive, notes, rfb } = socketWithNoVNC();
      receive(garbage);
      assert.deepEqual([notes, rfb], [[], []]);
    });
  }
});

describe('messages', () => {
  const message = (text: string): IMessage => ({ kind: 'message', text, sender: 'ada' });
  const textsOf = ({ node }: Messages): (string | null)[] =>
    [...node.querySelectorAll('.jp-VNC-text')].map(one => one.textContent);

  it('are there again after a reload, until they are closed', () => {
    const kept = new Map<string, string>();
    const before = new Messages(english, inbox(kept), () => undefined);
    ['one', 'two', 'three'].forEach(text => before.show(message(text)));
    before.node.querySelectorAll('button')[1]!.click();
    const after = new Messages(english, inbox(kept), () => undefined);
    assert.deepEqual(textsOf(after), ['three', 'one']);
    after.node.querySelectorAll('button').forEach(one => one.click());
    assert.deepEqual(textsOf(new Messages(english, inbox(kept), () => undefined)), []);
  });

  for (const garbage of [
    '',
    '{',
    '7',
    'null',
    '[null, 7, {"kind": "place"}, {"kind": "message", "text": 7}]'
  ]) {
    it(`that were kept otherwise are none: ${garbage}`, () => {
      const kept = new Map([['messages:lab', garbage]]);
      assert.deepEqual(textsOf(new Messages(english, inbox(kept), () => undefined)), []);
    });
  }

  for (const [text, address] of [
    ['Look at https://example.org/a?b=c#d.', 'https://example.org/a?b=c#d'],
    ['(see HTTP://example.org/x_(y))', 'HTTP://example.org/x_(y)'],
    ['<https://example.org>', 'https://example.org'],
    ['javascript:alert(1) data:text/html,x file:///etc/passwd ftp://example.org', null],
    ['xhttps://example.org https://', null],
    ['"https://example.org/"onclick="alert(1)', 'https://example.org/']
  ] as const) {
    it(`have their addresses as links: ${text}`, () => {
      const paragraph = document.createElement('p');
      paragraph.append(...linked(text));
      assert.equal(paragraph.textContent, text);
      const links = [...paragraph.querySelectorAll('a')];
      assert.deepEqual(
        links.map(one => one.getAttribute('href')),
        address === null ? [] : [address]
      );
      for (const one of links) {
        assert.equal(one.target, '_blank');
        assert.match(one.rel, /noopener/);
        assert.deepEqual(one.getAttributeNames().sort(), ['href', 'rel', 'target']);
      }
    });
  }

  it('are text, whatever they hold, and stay until they are closed', () => {
    let closed = 0;
    const messages = new Messages(english, inbox(), () => closed++);
    messages.show(message('<img src=x onerror=alert(1)>'));
    assert.equal(messages.node.querySelector('img'), null);
    assert.equal(messages.node.querySelector('.jp-VNC-text')?.textContent, '<img src=x onerror=alert(1)>');
    messages.node.querySelector('button')?.click();
    assert.equal(messages.node.childElementCount, 0);
    assert.equal(closed, 1);
  });

  it('are five at most, the latest on top', () => {
    const messages = new Messages(english, inbox(), () => undefined);
    for (const text of 'abcdefg') {
      messages.show(message(text));
    }
    const shown = [...messages.node.querySelectorAll('.jp-VNC-text')].map(one => one.textContent);
    assert.deepEqual(shown, ['g', 'f', 'e', 'd', 'c']);
  });
});

describe('a machine that nobody uses', () => {
  it('is announced once, and kept by a button', () => {
    let kept = 0;
    let closed = 0;
    const messages = new Messages(english, inbox(), () => closed++);
    messages.warn(120, () => kept++);
    messages.warn(45, () => kept++);
    const [warning] = messages.node.querySelectorAll('.jp-VNC-message');
    assert.equal(messages.node.childElementCount, 1);
    assert.match(warning!.textContent ?? '', /Others get it in 45 seconds/);
    const button = warning!.querySelector('button')!;
    assert.equal(button.textContent, 'I am still here');
    button.click();
    assert.deepEqual([kept, closed, messages.node.childElementCount], [1, 1, 0]);
  });

  it('is announced in minutes, and no longer when it is kept after all', () => {
    const messages = new Messages(english, inbox(), () => undefined);
    messages.warn(120, () => undefined);
    assert.match(messages.node.textContent ?? '', /Others get it in 2 minutes/);
    messages.warn(0, () => undefined);
    assert.equal(messages.node.childElementCount, 0);
  });

  it('is announced in the viewer, which asks the server; the end of the session takes that away', async () => {
    let kept = 0;
    const world = new World();
    const viewer = new Viewer({ ...world.options, stay: () => void (kept += 1) });
    viewer.connect();
    await world.succeed();
    const shown = (): HTMLElement | null => viewer.node.querySelector('.jp-mod-warning');
    world.socket.note({ kind: 'idle', seconds: 120 });
    shown()!.querySelector('button')!.click();
    assert.equal(kept, 1);
    world.socket.note({ kind: 'idle', seconds: 120 });
    assert.ok(shown());
    await world.end(4410);
    assert.equal(shown(), null);
    viewer.dispose();
  });
});

describe('a place in the queue', () => {
  it('is said as a number, and as being next', () => {
    const place = { kind: 'place', waiting: 4, size: 20, aside: 0 } as const;
    assert.match(placeWords(english, { ...place, place: 3 }), /All 20 machines .* number 3 /);
    assert.match(placeWords(english, { ...place, place: 1 }), /You are next/);
  });

  for (const [place, words] of [
    [1, /^No machine of 20 is free; out of order for now: 2\. You are next: /],
    [3, /^No machine of 20 is free; out of order for now: 2\. You are number 3 in the queue\. /]
  ] as const) {
    it(`calls no machine taken that is out of order: at place ${place}`, () => {
      assert.match(placeWords(english, { kind: 'place', waiting: 4, size: 20, aside: 2, place }), words);
    });
  }

  /** A viewer whose websocket is open; it asks nobody how far a start is. */
  async function waiting(world: World): Promise<{ viewer: Viewer; state: () => string; told: () => string }> {
    const asked = (): Promise<never> => Promise.reject(new Error('nobody should be asked'));
    const desktop: IManaged = {
      start: () => Promise.reject(new Error()),
      news: asked,
      log: asked,
      logPage: ''
    };
    const viewer = new Viewer({ ...world.options, desktop });
    const toolbar = new PageToolbar(viewer, english, []);
    document.body.replaceChildren(toolbar.node, viewer.node);
    viewer.connect();
    await world.upgrade();
    return {
      viewer,
      state: () => toolbar.node.querySelector('.jp-VNC-state')?.textContent ?? '',
      told: () => viewer.node.querySelector('.jp-VNC-detail')?.textContent ?? ''
    };
  }

  const at = (place: number) => ({ kind: 'place', place, waiting: 9, size: 20, aside: 0 });

  it('lasts as long as it takes, and ends with a machine', async () => {
    const world = new World();
    const { viewer, state, told } = await waiting(world);
    for (let place = 9; place > 0; place -= 1) {
      world.socket.note(at(place));
      await world.clock.advance(START_TIMEOUT - 1);
      assert.equal(viewer.status.state, 'in-line');
    }
    assert.equal(state(), 'In the queue');
    assert.match(told(), /You are next/);
    await world.greet();
    assert.equal(state(), 'Connected');
    viewer.dispose();
  });

  it('is given up when nobody says anything any more', async () => {
    const world = new World();
    const { viewer } = await waiting(world);
    world.socket.note(at(2));
    await world.clock.advance(START_TIMEOUT + 1);
    assert.equal(viewer.status.state, 'stalled');
    viewer.dispose();
  });

  it('is news only when it is another one: the button stays, and nothing is read out again', async () => {
    const world = new World();
    const { viewer } = await waiting(world);
    world.socket.note(at(2));
    const [stop] = viewer.node.querySelectorAll('.jp-VNC-buttons button');
    const said = viewer.node.querySelector('.jp-VNC-live')!.firstChild;
    world.socket.note(at(2));
    assert.equal(viewer.node.querySelector('.jp-VNC-buttons button'), stop);
    assert.equal(viewer.node.querySelector('.jp-VNC-live')!.firstChild, said);
    world.socket.note(at(1));
    assert.match(viewer.node.querySelector('.jp-VNC-live')!.textContent ?? '', /You are next/);
    viewer.dispose();
  });

  it('is left by the button', async () => {
    const world = new World();
    const { viewer } = await waiting(world);
    world.socket.note(at(2));
    const stop = viewer.node.querySelector<HTMLElement>('.jp-VNC-buttons button')!;
    assert.equal(stop.textContent, 'Stop waiting');
    stop.click();
    assert.ok(world.socket.closed);
    assert.equal(viewer.status.phase, 'idle');
    viewer.dispose();
  });
});

describe('the room', () => {
  const session = {
    id: '1',
    mode: 'control',
    since: '2026-01-01T10:00:00Z',
    last_input: null,
    hand: null,
    machine: null
  } as const;
  const machine = { title: 'Lab', since: '2026-01-01T09:00:00Z', last_input: null, retry_in: null } as const;

  it('has a row for each person and desktop, with its watchers, and says who is away', () => {
    const room: IRoom = {
      sessions: [
        { ...session, target: 'lab', user: 'bob', owner: 'bob', machine: 'm1' },
        { ...session, id: '2', target: 'lab', user: 'ada', owner: 'bob', machine: 'm1', mode: 'view' }
      ],
      machines: [
        { ...machine, target: 'lab', machine: 'm1', state: 'taken', user: 'bob' },
        { ...machine, target: 'lab', machine: 'm2', state: 'taken', user: 'ann' },
        { ...machine, target: 'lab', machine: 'm3', state: 'taken', user: null }
      ],
      waiting: [],
      servers: [],
      absent: []
    };
    const rows = peopleIn(room).map(({ name, machine: at, sessions, watchers, holds }) => [
      name,
      at,
      sessions.length,
      watchers,
      holds
    ]);
    assert.deepEqual(rows, [
      ['ann', 'm2', 0, [], true],
      ['bob', 'm1', 1, ['ada'], true]
    ]);
  });
});
