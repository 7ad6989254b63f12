import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { type IMessage, Messages, type Note, placeWords, takeNotes } from '../src/viewer/notes';
import { type IRoom, peopleIn } from '../src/viewer/people';
import { english } from '../src/viewer/text';

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

describe('notes', () => {
  it('never reach noVNC, and its bytes do', () => {
    const { receive, notes, rfb } = socketWithNoVNC();
    const bytes = new ArrayBuffer(3);
    receive('{"kind": "viewers"}');
    receive(bytes);
    assert.deepEqual(notes, [{ kind: 'viewers' }]);
    assert.deepEqual(rfb, [bytes]);
  });

  for (const garbage of [
    '',
    '{',
    'null',
    '7',
    '{"kind": "other"}',
    '{"kind": "message", "text": 7}',
    '{"kind": "place"}'
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

  it('are text, whatever they hold, and stay until they are closed', () => {
    let closed = 0;
    const messages = new Messages(english, () => closed++);
    messages.show(message('<img src=x onerror=alert(1)>'));
    assert.equal(messages.node.querySelector('img'), null);
    assert.equal(messages.node.querySelector('.jp-VNC-text')?.textContent, '<img src=x onerror=alert(1)>');
    messages.node.querySelector('button')?.click();
    assert.equal(messages.node.childElementCount, 0);
    assert.equal(closed, 1);
  });

  it('are five at most, the latest on top', () => {
    const messages = new Messages(english, () => undefined);
    for (const text of 'abcdefg') {
      messages.show(message(text));
    }
    const shown = [...messages.node.querySelectorAll('.jp-VNC-text')].map(one => one.textContent);
    assert.deepEqual(shown, ['g', 'f', 'e', 'd', 'c']);
  });
});

describe('a place in line', () => {
  it('is said as a number, and as being next', () => {
    const place = { kind: 'place', waiting: 4, size: 20 } as const;
    assert.match(placeWords(english, { ...place, place: 3 }), /All 20 machines .* number 3 /);
    assert.match(placeWords(english, { ...place, place: 1 }), /You are next/);
  });
});

describe('the room', () => {
  const session = {
    id: '1',
    mode: 'control',
    since: '2026-01-01T10:00:00Z',
    last_input: null,
    machine: null
  } as const;
  const machine = { title: 'Lab', since: '2026-01-01T09:00:00Z', last_input: null, retry_in: null } as const;

  it('has a row for each person and desktop, with who watches and who is away', () => {
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
      waiting: []
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
