import './dom';
import { settle } from './fakes';

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';

import type { IMachine, IRoom, IRoomSession, IUserServer } from '../src/viewer/pages/room-rows';
import { RoomPage } from '../src/viewer/pages/room-page';
import { english } from '../src/viewer/ui/i18n';

const PAGE = readFileSync(join(process.cwd(), '..', 'jupyter_vnc', 'templates', 'room.html'), 'utf8');

const session = (user: string, id: string, owner = user): IRoomSession => ({
  id,
  target: 'lab',
  mode: user === owner ? 'control' : 'view',
  user,
  owner,
  machine: null,
  since: '2026-01-01T10:00:00Z',
  last_input: null,
  hand: null
});

const machine = (name: string, user: string | null): IMachine => ({
  target: 'lab',
  title: 'Lab machines',
  machine: name,
  state: user ? 'taken' : 'free',
  user,
  since: user && '2026-01-01T10:00:00Z',
  last_input: null,
  retry_in: null
});

/** A server whose room is the test's, and which records what it was asked to do. */
class Server {
  room: IRoom = { sessions: [], machines: [], waiting: [], servers: [], absent: [] };
  /** Answers that refuse a request, by path; others succeed. */
  readonly refuses = new Map<string, Response>();
  /** What becomes of the next requests for the room, instead of an answer. */
  readonly troubles: (Error | Response)[] = [];
  readonly deeds: string[] = [];

  fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const path = url.slice('/services/vnc/'.length);
    if (path !== 'api/room') {
      this.deeds.push([init.method, path, init.body ?? ''].join(' ').trim());
      return this.refuses.get(path) ?? new Response(null, { status: 204 });
    }
    const trouble = this.troubles.shift();
    if (trouble instanceof Error) {
      throw trouble;
    }
    return trouble ?? new Response(JSON.stringify(this.room));
  };
}

let server: Server;
let page: RoomPage;

beforeEach(() => {
  document.body.innerHTML = /{% block main %}(.*){%- endblock %}/s.exec(PAGE)![1]!;
  document.body.dataset.root = '/services/vnc/';
  server = new Server();
  Object.assign(globalThis, { fetch: server.fetch });
  page = new RoomPage(document.body, english);
});

const part = <T extends HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;

const people = (): string[] =>
  [...document.querySelectorAll('#people tbody tr')].map(row => row.children[0]!.textContent ?? '');

/** What the rows of people have, with the words of their buttons. */
const cells = (): (string | null)[][] =>
  [...document.querySelectorAll('#people tbody tr')].map(row =>
    [...row.children].map(
      cell => [...cell.children].map(one => one.textContent).join(' ') || cell.textContent
    )
  );

const AN_HOUR_AGO = new Date(Date.now() - 3_600_000).toISOString();

/** Somebody's own server with a desktop, which the owner and others may have on the screen. */
const userServer = (
  owner: string,
  users: (string | null)[] = [],
  more: Partial<IUserServer> = {}
): IUserServer => ({
  owner,
  server: '',
  gone: null,
  looks: true,
  desktops: [{ target: 'desk', state: 'up', since: AN_HOUR_AGO }],
  viewers: users.map((user, at) => ({
    id: `${owner}-${at}`,
    target: 'desk',
    user,
    since: AN_HOUR_AGO,
    last_input: user === owner ? AN_HOUR_AGO : null,
    hand: null
  })),
  ...more
});

const button = (name: string, word: string): HTMLElement => part(`[aria-label="${word}: ${name}"]`);

/** Press a button, and answer what is asked. */
async function answer(open: HTMLElement, yes: string, text = ''): Promise<void> {
  open.click();
  const input = document.querySelector('textarea');
  if (input && text) {
    input.value = text;
  }
  [...document.querySelectorAll<HTMLElement>('dialog button')].find(one => one.textContent === yes)!.click();
  await settle();
  await settle();
}

describe('the room', () => {
  it('does what it says to the session that there is by then', async () => {
    server.room = { ...server.room, sessions: [session('ann', '1')] };
    await page.refresh();
    button('ann', 'Message').click();
    // She reloads her page while the instructor writes.
    server.room = { ...server.room, sessions: [session('ann', '2')] };
    part<HTMLTextAreaElement>('dialog textarea').value = 'hello';
    part('dialog .jp-mod-accept').click();
    await settle();
    await settle();
    server.room = { ...server.room, sessions: [session('ann', '3')] };
    await answer(button('ann', 'End'), 'End');
    assert.deepEqual(server.deeds, [
      'POST api/sessions/2/messages {"text":"hello"}',
      'DELETE api/sessions/3'
    ]);
    assert.equal(part('#result').textContent, 'The session of ann was ended.');
    server.room = { ...server.room, sessions: [session('ann', '4')] };
    await page.refresh();
    button('ann', 'Message').click();
    server.room = { ...server.room, sessions: [] };
    part<HTMLTextAreaElement>('dialog textarea').value = 'too late';
    part('dialog .jp-mod-accept').click();
    await settle();
    await settle();
    assert.equal(server.deeds.length, 2);
    assert.equal(part('#result').textContent, 'Nobody is there any more to read it: ann.');
  });

  it('says what it did, that there was nothing left to do, or why it did not work', async () => {
    server.room = { ...server.room, sessions: [session('ann', '1')], machines: [machine('m1', 'ann')] };
    await page.refresh();
    await answer(button('ann', 'Release'), 'Release');
    assert.deepEqual(server.deeds, ['DELETE api/leases/lab/of/ann']);
    const released = 'The machine of ann was taken back. Whoever is next gets it.';
    assert.equal(part('#result').textContent, released);
    server.refuses.set(
      'api/sessions/1',
      new Response('{"message": "Not for you.", "reason": "not_permitted"}', { status: 403 })
    );
    await answer(button('ann', 'End'), 'End');
    assert.equal(part('#result').textContent, 'Not for you.');
    const end = button('ann', 'End');
    server.room = { ...server.room, sessions: [] };
    await answer(end, 'End');
    assert.equal(part('#result').textContent, 'ann had left already.');
  });

  it('leaves the focus where it is while people come and go', async () => {
    server.room = { ...server.room, sessions: [session('amy', '1'), session('ann', '2')] };
    await page.refresh();
    const end = button('ann', 'End');
    end.focus();
    server.room = { ...server.room, sessions: [session('al', '3'), session('ann', '4')] };
    await page.refresh();
    assert.deepEqual(people(), ['al', 'ann']);
    assert.equal(document.activeElement, end);
    server.room = { ...server.room, sessions: [session('al', '3')] };
    await page.refresh();
    assert.equal(document.activeElement, part('#filter'));
  });

  it('offers what is possible with each', async () => {
    server.room = {
      sessions: [session('ann', '1'), session('ada', '2', 'ann'), session('zoe', '3')],
      machines: [machine('m1', 'ann'), machine('m2', 'bob'), machine('m3', null)],
      waiting: [{ target: 'lab', user: 'zoe', place: 1, since: '2026-01-01T10:00:00Z' }],
      servers: [],
      absent: []
    };
    await page.refresh();
    assert.deepEqual(
      cells().map(([name, where, , input, watchers, actions]) => [name, where, input, watchers, actions]),
      [
        ['ann', 'Lab machines · m1', 'never', 'ada', 'Look in Message End Release'],
        ['bob', 'Lab machines · m2', 'away', '', 'Look in Release'],
        ['zoe', 'Lab machines', 'in the queue', '', 'Message End']
      ]
    );
  });

  it('lists the desktops in own servers between the others, by name', async () => {
    server.room = {
      sessions: [session('bob', '1')],
      machines: [machine('m1', 'bob')],
      waiting: [],
      servers: [
        userServer('eve', [], { gone: AN_HOUR_AGO }),
        userServer('amy', ['amy', 'gus', null]),
        userServer('cat', [], {
          server: 'big',
          desktops: [{ target: 'x', state: 'starting', since: AN_HOUR_AGO }]
        }),
        userServer('dan')
      ],
      absent: []
    };
    await page.refresh();
    assert.deepEqual(cells(), [
      ['amy', 'desk · own server', '1 h ago', '1 h ago', 'gus, somebody', 'Look in Message End'],
      ['bob', 'Lab machines · m1', cells()[1]![2], 'never', '', 'Look in Message End Release'],
      ['cat', 'x · own server big', '1 h ago', 'starting', '', ''],
      ['dan', 'desk · own server', '1 h ago', 'away', '', 'Look in'],
      ['eve', 'desk · own server', '1 h ago', 'disconnected 1 h ago', '', '']
    ]);
  });

  it('follows what own servers report, and what is done there is about whoever is there', async () => {
    server.room = { ...server.room, servers: [userServer('amy', ['gus', 'amy'])] };
    await page.refresh();
    const row = part('#people tbody tr');
    await answer(button('amy', 'Message'), 'Send', 'hello');
    await answer(button('amy', 'End'), 'End');
    assert.deepEqual(server.deeds, [
      'POST api/sessions/amy-1/messages {"text":"hello"}',
      'DELETE api/sessions/amy-1'
    ]);
    server.room = { ...server.room, servers: [userServer('amy', [], { gone: AN_HOUR_AGO })] };
    await page.refresh();
    assert.equal(part('#people tbody tr'), row);
    assert.deepEqual(cells()[0]!.slice(3), ['disconnected 1 h ago', '', '']);
    server.room = { ...server.room, servers: [] };
    await page.refresh();
    assert.deepEqual(cells(), []);
  });

  it('has a link to look into own servers that run, let anybody look and are connected', async () => {
    const links = (): (string | null)[] =>
      [...document.querySelectorAll('#people tbody a')].map(one => one.getAttribute('href'));
    const starting = [{ target: 'desk', state: 'starting', since: AN_HOUR_AGO } as const];
    server.room = {
      ...server.room,
      servers: [
        userServer('a/b@c', [], { server: 'se cond' }),
        userServer('amy'),
        userServer('bob', [], { looks: false }),
        userServer('cat', [], { gone: AN_HOUR_AGO }),
        userServer('dan', [], { desktops: starting })
      ]
    };
    await page.refresh();
    assert.deepEqual(links(), [
      '/services/vnc/view/desk/of/a%2Fb%40c/server/se%20cond',
      '/services/vnc/view/desk/of/amy/server/'
    ]);
  });

  it('has hands first in every order, the longest one of all, and with since when', async () => {
    const now = new Date().toISOString();
    const raised = (owner: string, hand: string): IUserServer => {
      const one = userServer(owner, [owner, 'gus']);
      return { ...one, viewers: one.viewers.map((row, at) => (at === 0 ? { ...row, hand } : row)) };
    };
    server.room = {
      ...server.room,
      sessions: [session('bob', '1'), { ...session('zoe', '2'), hand: AN_HOUR_AGO }],
      servers: [userServer('amy', ['amy']), raised('cat', now)]
    };
    await page.refresh();
    assert.deepEqual(people(), ['zoe', 'cat', 'amy', 'bob']);
    assert.deepEqual(
      cells().map(row => row[3]),
      ['hand up 1 h ago', 'hand up just now', '1 h ago', 'never']
    );
    part('[data-sort=name]').click();
    assert.deepEqual(people(), ['zoe', 'cat', 'bob', 'amy']);
    assert.deepEqual(
      [...document.querySelectorAll<HTMLElement>('#people tbody tr')].map(row => row.dataset.state),
      ['hand', 'hand', 'idle', 'idle']
    );
    part('[data-kind=hand]').click();
    assert.deepEqual(people(), ['zoe', 'cat']);
    assert.equal(part('[data-kind=idle] b').textContent, '4', 'they are what they are beside that');
    server.room = { ...server.room, sessions: [], servers: [userServer('cat', ['cat'])] };
    await page.refresh();
    assert.deepEqual(people(), []);
  });

  it('shows what servers made up as text', async () => {
    server.room = { ...server.room, servers: [userServer('amy', ['<img src=x onerror=alert(1)>'])] };
    await page.refresh();
    assert.equal(cells()[0]![4], '<img src=x onerror=alert(1)>');
    assert.equal(document.querySelector('img'), null);
  });

  it('finds one of 300 in own servers', async () => {
    const names = Array.from({ length: 300 }, (_, at) => `student${String(at).padStart(3, '0')}`);
    server.room = { ...server.room, servers: names.map(name => userServer(name, [name])) };
    await page.refresh();
    assert.deepEqual(people(), names);
    part<HTMLInputElement>('#filter').value = 'T123';
    part('#filter').dispatchEvent(new Event('input'));
    assert.deepEqual(people(), ['student123']);
  });

  it('counts people by what they do, and shows those of one kind', async () => {
    const now = new Date().toISOString();
    const busy = userServer('amy', ['amy']);
    server.room = {
      sessions: [session('ann', '1'), session('zoe', '2')],
      machines: [machine('m1', 'bob'), machine('m2', null), { ...machine('m3', null), state: 'aside' }],
      waiting: [{ target: 'lab', user: 'zoe', place: 1, since: now }],
      servers: [
        { ...busy, viewers: [{ ...busy.viewers[0]!, last_input: now }] },
        userServer('cat', [], { gone: now }),
        userServer('dan', ['ada'])
      ],
      absent: []
    };
    await page.refresh();
    const counts = (): string[] =>
      [...document.querySelectorAll<HTMLElement>('#counts button')]
        .filter(one => !one.hidden)
        .map(one => one.textContent!);
    const all = ['all 6', 'here 1', 'idle 1', 'in the queue 1', 'away 2', 'disconnected 1', 'watched 1'];
    assert.deepEqual(counts(), all);
    assert.equal(part('#machine-counts').textContent, 'free 1 · taken 1 · does not answer 1');
    assert.deepEqual(
      [...document.querySelectorAll<HTMLElement>('#people tbody tr')].map(row => row.dataset.state),
      ['here', 'idle', 'away', 'gone', 'away', 'waits']
    );
    part('[data-kind=away]').click();
    assert.deepEqual(people(), ['bob', 'dan']);
    assert.equal(part('[data-kind=away]').getAttribute('aria-pressed'), 'true');
    assert.equal(part('[data-kind=all]').getAttribute('aria-pressed'), 'false');
    assert.ok(!part<HTMLButtonElement>('#everybody').disabled, 'a message is for all who are here');
    server.room = { ...server.room, machines: [], servers: [] };
    await page.refresh();
    assert.deepEqual(people(), []);
    assert.match(part('#people [data-empty]').textContent!, /^No person or machine matches/);
    assert.ok(counts().includes('away 0'), 'what is chosen says why nobody is shown');
    part('[data-kind=all]').click();
    assert.deepEqual(people(), ['ann', 'zoe']);
  });

  it('shows who is absent only if asked, and offers nothing with them', async () => {
    server.room = { ...server.room, absent: ['zoe', '<b>al</b>'] };
    await page.refresh();
    assert.deepEqual(people(), []);
    assert.match(part('#people [data-empty]').textContent!, /^None of the people you supervise/);
    assert.match(part('[data-kind=absent]').textContent!, /absent 2$/);
    assert.match(part('[data-kind=all]').textContent!, /all 0$/);
    part('[data-kind=absent]').click();
    assert.deepEqual(cells(), [
      ['<b>al</b>', '', '', 'absent', '', ''],
      ['zoe', '', '', 'absent', '', '']
    ]);
    assert.ok(part<HTMLButtonElement>('#everybody').disabled);
    server.room = { ...server.room, sessions: [session('zoe', '1')], absent: [] };
    await page.refresh();
    part('[data-kind=all]').click();
    assert.deepEqual(people(), ['zoe']);
  });

  it('sorts by a column, and what has the focus keeps it', async () => {
    const minutesAgo = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
    const typed = (owner: string, minutes: number | null): IUserServer => {
      const one = userServer(owner, [owner]);
      const last_input = minutes === null ? null : minutesAgo(minutes);
      return { ...one, viewers: [{ ...one.viewers[0]!, last_input }] };
    };
    server.room = { ...server.room, servers: [typed('amy', 5), typed('ben', null), typed('cat', 20)] };
    await page.refresh();
    const head = part('[data-sort=input]');
    head.click();
    assert.deepEqual(people(), ['ben', 'cat', 'amy']);
    assert.equal(head.closest('th')!.getAttribute('aria-sort'), 'ascending');
    assert.equal(part('[data-sort=name]').closest('th')!.getAttribute('aria-sort'), 'none');
    const end = button('cat', 'End');
    end.focus();
    server.room = { ...server.room, servers: [typed('amy', 30), typed('ben', 0), typed('cat', 1)] };
    await page.refresh();
    assert.deepEqual(people(), ['amy', 'cat', 'ben']);
    assert.equal(document.activeElement, end);
    head.click();
    assert.deepEqual(people(), ['ben', 'cat', 'amy']);
    part('[data-sort=name]').click();
    assert.deepEqual(people(), ['amy', 'ben', 'cat']);
  });

  it('writes to everybody, whoever is looked for, and says whom it did not reach', async () => {
    server.room = {
      ...server.room,
      sessions: [session('amy', '1'), session('ann', '2')],
      machines: [machine('m1', 'away')]
    };
    server.refuses.set(
      'api/sessions/1/messages',
      new Response('{"message": "The viewer of this session cannot show messages.", "reason": "busy"}', {
        status: 409
      })
    );
    await page.refresh();
    part<HTMLInputElement>('#filter').value = 'ann';
    part('#filter').dispatchEvent(new Event('input'));
    assert.deepEqual(people(), ['ann']);
    await answer(part('#everybody'), 'Send', 'hello');
    assert.equal(server.deeds.length, 2);
    const said = 'The message did not reach amy: The viewer of this session cannot show messages.';
    assert.equal(part('#result').textContent, said);
    await page.refresh();
    assert.equal(part('#result').textContent, said, 'the next round does not wipe it');
  });

  it('distinguishes nobody found from nobody there', async () => {
    await page.refresh();
    const empty = part('#people [data-empty]');
    assert.match(empty.textContent!, /^None of the people you supervise/);
    server.room = { ...server.room, sessions: [session('ann', '1')] };
    await page.refresh();
    assert.ok(empty.hidden);
    part<HTMLInputElement>('#filter').value = 'x';
    part('#filter').dispatchEvent(new Event('input'));
    assert.match(empty.textContent!, /^No person or machine matches/);
    assert.ok(!empty.hidden);
  });

  for (const [what, trouble, said] of [
    ['no answer', new TypeError('Failed to fetch'), 'The server does not answer.'],
    [
      'a login that has expired',
      new Response('{"message": "Forbidden"}', { status: 403 }),
      'Your login has expired. Log in'
    ],
    [
      'a right that is gone',
      new Response('{"message": "Not for you.", "reason": "not_permitted"}', { status: 403 }),
      'Not for you.'
    ],
    [
      'a proxy that finds no service',
      new Response('<h1>503</h1>', { status: 503 }),
      'The server is too busy at the moment.'
    ],
    ['something else', new Response('{"targets": []}'), 'Something went wrong in the server.']
  ] as const) {
    it(`says what ${what} means, and what it showed stays`, async () => {
      server.room = { ...server.room, sessions: [session('ann', '1')] };
      await page.refresh();
      server.troubles.push(trouble);
      await page.refresh();
      assert.equal(part('#trouble').textContent, said);
      assert.deepEqual(people(), ['ann']);
      await page.refresh();
      assert.equal(part('#trouble').textContent, '');
    });
  }
});
