import './dom';
import { settle } from './fakes';

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';

import { inboxIn, Messages } from '../src/viewer/screen/messages';
import type { IRoom, IRoomSession } from '../src/viewer/pages/room-rows';
import type { Note } from '../src/viewer/connection/notices';
import { english } from '../src/viewer/ui/i18n';
import { RoomPage } from '../src/viewer/pages/room-page';
import { takeNotes } from '../src/viewer/connection/notices';

const PAGE = readFileSync(join(process.cwd(), '..', 'jupyter_vnc', 'templates', 'room.html'), 'utf8');
const NOW = new Date().toISOString();

const session = (user: string, more: Partial<IRoomSession> = {}): IRoomSession => ({
  id: `of-${user}`,
  target: 'lab',
  mode: 'control',
  user,
  owner: user,
  machine: null,
  since: NOW,
  last_input: NOW,
  hand: null,
  ...more
});

describe('actions to all who are shown', () => {
  let room: IRoom;
  let deeds: string[];
  let refused: Set<string>;
  let refusals: Map<string, { status: number; message: string }>;
  let away: boolean;
  let gates: Promise<void>[];
  let rooms: () => IRoom;
  let page: RoomPage;

  const part = <T extends HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;
  const items = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[role=menuitem]')];

  /** Open the menu, choose, and answer what is asked. */
  async function choose(word: string, text = '', yes = true): Promise<void> {
    part('#crowd').click();
    items()
      .find(one => one.textContent!.startsWith(word))!
      .click();
    const input = document.querySelector('textarea');
    if (input && text) {
      input.value = text;
    }
    part(`dialog .jp-VNC-button${yes ? '.jp-mod-accept' : ':not(.jp-mod-accept)'}`).click();
    await settle();
    await settle();
    await settle();
  }

  beforeEach(() => {
    document.body.innerHTML = /{% block main %}(.*){%- endblock %}/s.exec(PAGE)![1]!;
    document.body.dataset.root = '/services/vnc/';
    localStorage.clear();
    deeds = [];
    refused = new Set();
    refusals = new Map();
    [away, gates] = [false, []];
    rooms = () => room;
    const fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
      const path = url.slice('/services/vnc/'.length);
      if (path === 'api/room') {
        if (away) {
          throw new TypeError('Failed to fetch');
        }
        await gates.shift();
        return new Response(JSON.stringify(rooms()));
      }
      deeds.push([init.method, path, init.body ?? ''].join(' ').trim());
      const other = refusals.get(path);
      if (other) {
        const body = JSON.stringify({ message: other.message, reason: 'refused' });
        return new Response(body, { status: other.status });
      }
      return refused.has(path)
        ? new Response('{"message": "It cannot show messages.", "reason": "busy"}', { status: 409 })
        : new Response(null, { status: 204 });
    };
    Object.assign(globalThis, { fetch });
    page = new RoomPage(document.body, english);
    room = {
      sessions: ['amy', 'ann', 'bob'].map(name => session(name)),
      machines: [
        {
          target: 'lab',
          title: 'Lab',
          machine: 'm1',
          state: 'taken',
          user: 'eve',
          since: NOW,
          last_input: null,
          retry_in: null
        }
      ],
      waiting: [],
      servers: [],
      absent: ['zoe']
    };
  });

  it('say how many they are for, and are for nobody else', async () => {
    assert.ok(part<HTMLButtonElement>('#crowd').disabled);
    await page.refresh();
    assert.equal(part('#crowd').textContent, 'Actions for 4 people');
    part('#crowd').click();
    assert.deepEqual(
      items().map(one => one.textContent),
      ['Message (3)', 'Open a link (3)', 'End (3)', 'Release (1)', 'Hold input (3)']
    );
    part('#crowd').click();
    part<HTMLInputElement>('#filter').value = 'an';
    part('#filter').dispatchEvent(new Event('input'));
    assert.equal(part('#crowd').textContent, 'Actions for 1 person');
    await choose('End');
    assert.deepEqual(deeds, ['DELETE api/sessions/of-ann']);
    assert.equal(part('#result').textContent, 'Done for 1 person.');
  });

  it('say whom they are for before, do nothing without a yes, and say after whom they missed', async () => {
    await page.refresh();
    await choose('Message', 'hello', false);
    assert.deepEqual(deeds, []);
    refused.add('api/sessions/of-bob/messages');
    part('#crowd').click();
    items()[0]!.click();
    assert.equal(part('dialog h2').textContent, 'Message to 3 people');
    assert.equal(part('dialog p').textContent, 'This is for: amy, ann, bob.');
    part<HTMLTextAreaElement>('dialog textarea').value = 'hello';
    // One of them reloads the page meanwhile, and one leaves.
    room = { ...room, sessions: [session('amy', { id: 'again' }), session('bob')] };
    part('dialog .jp-mod-accept').click();
    await settle();
    await settle();
    await settle();
    assert.deepEqual(deeds, [
      'POST api/sessions/again/messages {"text":"hello"}',
      'POST api/sessions/of-bob/messages {"text":"hello"}'
    ]);
    assert.equal(
      part('#result').textContent,
      'Done for 1 person. ann had left already. Not for bob: It cannot show messages.'
    );
  });

  it('count people, who get one message however many desktops they have, and name what ends', async () => {
    const later = new Date(Date.now() + 60_000).toISOString();
    room = {
      ...room,
      sessions: [
        session('amy'),
        session('amy', { id: 'second', target: 'gpu', last_input: later }),
        session('ann')
      ]
    };
    await page.refresh();
    part('#crowd').click();
    assert.deepEqual(
      items().map(one => one.textContent),
      ['Message (2)', 'Open a link (2)', 'End (2)', 'Release (1)', 'Hold input (2)']
    );
    part('#crowd').click();
    await choose('Message', 'hello');
    assert.deepEqual(
      deeds.splice(0).map(one => one.split(' ')[1]),
      ['api/sessions/second/messages', 'api/sessions/of-ann/messages']
    );
    assert.equal(part('#result').textContent, 'Done for 2 people.');
    refused.add('api/sessions/second/messages');
    await choose('Message', 'hello');
    assert.deepEqual(deeds.splice(0).at(-1)!.split(' ')[1], 'api/sessions/of-amy/messages');
    assert.equal(part('#result').textContent, 'Done for 2 people.', 'where it cannot be shown, elsewhere');
    part('#crowd').click();
    items()[2]!.click();
    assert.match(part('dialog p').textContent!, /This is for: amy \(gpu, Lab\), ann \(Lab\)\.$/);
    refused.add('api/sessions/of-amy');
    part('dialog .jp-mod-accept').click();
    for (let round = 0; round < 4; round += 1) {
      await settle();
    }
    assert.equal(deeds.length, 3);
    assert.equal(
      part('#result').textContent,
      'Done for 1 person. Not for amy: It cannot show messages.',
      'half of it is not done'
    );
  });

  it('say of each why not, and name a bounded number', async () => {
    room = { ...room, machines: [], sessions: Array.from({ length: 40 }, (_, at) => session(`s${at}`)) };
    for (let at = 0; at < 30; at += 1) {
      refused.add(`api/sessions/of-s${at}`);
    }
    refusals.set('api/sessions/of-s30', { status: 403, message: 'Not for you.' });
    ['a', 'b', 'c'].forEach((message, at) =>
      refusals.set(`api/sessions/of-s${31 + at}`, { status: 403, message })
    );
    await page.refresh();
    await choose('End');
    const said = part('#result').textContent!;
    assert.match(said, /^Done for 6 people\. Not for s0, s1, .*, s19, 10 more: It cannot show messages\. /);
    assert.match(said, / Not for s30: Not for you\. Not for s31: a Not for s32, s33, for other reasons\.$/);
  });

  it('do nothing while it is not known who is there, and say so', async () => {
    await page.refresh();
    for (const word of ['Message', 'End']) {
      away = true;
      await choose(word, 'hello');
      assert.deepEqual(deeds, []);
      assert.match(
        part('#result').textContent!,
        /^Nothing was done, because it is not known who is there now\./
      );
      away = false;
    }
  });

  it('go by their own answer, also where the page has asked again meanwhile', async () => {
    await page.refresh();
    part<HTMLInputElement>('#filter').value = 'amy';
    part('#filter').dispatchEvent(new Event('input'));
    part('#crowd').click();
    items()[2]!.click();
    room = { ...room, sessions: [session('amy', { id: 'new' })] };
    const release: (() => void)[] = [];
    gates = [0, 1].map(() => new Promise<void>(resolve => release.push(resolve)));
    part('dialog .jp-mod-accept').click();
    await settle();
    assert.equal(gates.length, 1, 'the action has asked');
    const asked = page.refresh();
    release[0]!();
    await settle();
    await settle();
    assert.deepEqual(deeds, ['DELETE api/sessions/new']);
    release[1]!();
    await asked;
  });

  it('end a session also if its viewer has connected anew a moment before', async () => {
    const gone = { status: 404, message: 'There is no such session.' };
    refusals.set('api/sessions/of-amy', gone);
    room = { ...room, sessions: [session('amy')], machines: [] };
    await page.refresh();
    part('#crowd').click();
    items()[2]!.click();
    const answers = [room, { ...room, sessions: [session('amy', { id: 'new' })] }];
    rooms = () => (answers.length > 1 ? answers.shift()! : answers[0]!);
    part('dialog .jp-mod-accept').click();
    for (let round = 0; round < 4; round += 1) {
      await settle();
    }
    assert.deepEqual(deeds, ['DELETE api/sessions/of-amy', 'DELETE api/sessions/new']);
    assert.equal(part('#result').textContent, 'Done for 1 person.');
    refusals.set('api/sessions/new', gone);
    deeds.length = 0;
    rooms = () => ({ ...room, sessions: [session('amy', { id: `new${deeds.length || ''}` })] });
    refusals.set('api/sessions/new1', gone);
    await page.refresh();
    await choose('End');
    assert.equal(part('#result').textContent, 'Done for 0 people. Not for amy: They may be connected again.');
  });

  it('take machines back, also of those who are away', async () => {
    await page.refresh();
    await choose('Release');
    assert.deepEqual(deeds, ['DELETE api/leases/lab/of/eve']);
  });

  it('send links that are web addresses', async () => {
    await page.refresh();
    await choose('Open a link', 'javascript:alert(1)');
    assert.deepEqual(deeds, []);
    assert.equal(part('dialog .jp-VNC-wrong').textContent, 'This is no web address: javascript:alert(1)');
    const input = part<HTMLTextAreaElement>('dialog textarea');
    assert.equal(input.value, 'javascript:alert(1)', 'it can be changed where it was written');
    part('dialog .jp-VNC-button:not(.jp-mod-accept)').click();
    part<HTMLInputElement>('#filter').value = 'amy';
    part('#filter').dispatchEvent(new Event('input'));
    await choose('Open a link', 'https://example.org/a?b#c');
    assert.deepEqual(deeds, [
      'POST api/sessions/of-amy/messages {"text":"https://example.org/a?b#c","link":true}'
    ]);
  });
});

describe('a link', () => {
  const noted = (text: string): Note[] => {
    const socket = new EventTarget() as WebSocket;
    const notes: Note[] = [];
    takeNotes(socket, note => notes.push(note));
    const data = JSON.stringify({ kind: 'link', text, sender: 'ada' });
    socket.dispatchEvent(new MessageEvent('message', { data }));
    return notes;
  };

  it('is shown with its sender, is opened by a click of the reader, and is there after a reload', () => {
    const kept = new Map<string, string>();
    const memory = {
      get: (key: string) => kept.get(key) ?? null,
      set: (key: string, value: string) => void kept.set(key, value)
    };
    const messages = new Messages(english, inboxIn(memory, 'lab'), () => undefined);
    const [note] = noted('https://example.org/');
    assert.ok(note?.kind === 'link');
    messages.show(note);
    for (const one of [messages, new Messages(english, inboxIn(memory, 'lab'), () => undefined)]) {
      assert.equal(one.node.querySelector('.jp-VNC-sender')!.textContent, 'ada asks you to open this page:');
      const link = one.node.querySelector('a')!;
      assert.deepEqual(
        [link.href, link.target, link.rel.includes('noopener')],
        ['https://example.org/', '_blank', true]
      );
    }
  });

  it('is all of the text, whatever it ends with', () => {
    const inbox = { read: () => [], write: () => undefined };
    for (const text of [..."'_~!.,)*?"].map(end => `https://example.org/it's${end}`)) {
      const messages = new Messages(english, inbox, () => undefined);
      const [note] = noted(text);
      assert.ok(note?.kind === 'link', text);
      messages.show(note);
      const links = [...messages.node.querySelectorAll('.jp-VNC-text a')];
      assert.deepEqual(
        links.map(one => [one.textContent, one.getAttribute('href')]),
        [[text, text]]
      );
    }
  });

  const deceiving = [
    '\u0007',
    '\u202egpj.exe',
    '\u200b',
    '\u200d',
    '\u3164',
    '\ufe0f',
    '\udc00',
    '\\@bad.example/'
  ];
  for (const text of [
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    '',
    'https://',
    'https:///a',
    'https://a b',
    'https://a:99999/',
    'https://[a/',
    ...deceiving.map(part => `https://a${part}`)
  ]) {
    it(`that is none is dropped: ${text}`, () => assert.deepEqual(noted(text), []));
  }
});
