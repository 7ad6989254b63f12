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
    const fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
      const path = url.slice('/services/vnc/'.length);
      if (path === 'api/room') {
        return new Response(JSON.stringify(room));
      }
      deeds.push([init.method, path, init.body ?? ''].join(' ').trim());
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
      ['Message (3)', 'Open a link (3)', 'End (3)', 'Release (1)']
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

  it('take machines back, also of those who are away', async () => {
    await page.refresh();
    await choose('Release');
    assert.deepEqual(deeds, ['DELETE api/leases/lab/of/eve']);
  });

  it('send links that are web addresses', async () => {
    await page.refresh();
    await choose('Open a link', 'javascript:alert(1)');
    assert.deepEqual(deeds, []);
    assert.equal(part('#result').textContent, 'This is no web address: javascript:alert(1)');
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
