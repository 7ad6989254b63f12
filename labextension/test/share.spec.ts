import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { type IShares, SharePanel } from '../src/viewer/panels/share';
import { createActions } from '../src/viewer/toolbar/actions';
import { english } from '../src/viewer/ui/i18n';
import { Viewer } from '../src/viewer/viewer';

const NOBODY: IShares = { problem: null, people: [], links: [] };
const SOMEBODY: IShares = {
  problem: null,
  people: [
    { user: 'gus', mode: 'view' },
    { user: 'a/b', mode: 'control' }
  ],
  links: [{ id: 'sc_7', mode: 'view', expires: '2026-12-01T10:00:00Z' }]
};

/** The hub's part: what it says now, and what it was asked. */
class Hub {
  said: IShares | Response = NOBODY;
  readonly asked: [string, string, string][] = [];
  answer: Response | null = null;

  readonly ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const method = init.method ?? 'GET';
    this.asked.push([method, path, String(init.body ?? '')]);
    if (method !== 'GET') {
      return this.answer ?? new Response(null, { status: 204 });
    }
    return this.said instanceof Response ? this.said.clone() : new Response(JSON.stringify(this.said));
  };
}

let hub: Hub;
let panel: SharePanel;

beforeEach(() => {
  document.body.replaceChildren();
  hub = new Hub();
  panel = new SharePanel({ trans: english, target: 'desk', ask: hub.ask, closed: () => undefined });
  document.body.append(panel.node);
});

async function open(said: IShares | Response): Promise<void> {
  hub.said = said;
  panel.toggle(true);
  await settle();
}

const texts = (selector: string): (string | null)[] =>
  [...panel.node.querySelectorAll(selector)].map(one => one.textContent);
const note = (): string | null => panel.node.querySelector('[role=status]')!.textContent;
const press = async (label: string): Promise<void> => {
  const buttons = [...panel.node.querySelectorAll<HTMLElement>('button')];
  buttons.find(one => one.textContent === label || one.getAttribute('aria-label') === label)!.click();
  await settle();
  await settle();
};

describe('sharing', () => {
  it('lists the guests and the links that are open, and takes them back', async () => {
    await open(SOMEBODY);
    assert.deepEqual(texts('h3'), ['Guests', 'Open links']);
    const [gus, other, link] = texts('li span');
    assert.deepEqual([gus, other], ['gus may view', 'a/b may control']);
    assert.match(link!, /^To view, until .*26/);
    await press('Remove a/b');
    assert.deepEqual(hub.asked.at(-2), ['DELETE', '/users/a%2Fb', '']);
    assert.equal(note(), 'A link that is open lets them in again.');
    hub.said = NOBODY;
    await press('Close the link');
    assert.deepEqual(hub.asked.at(-2), ['DELETE', '/links/sc_7', '']);
    assert.deepEqual(texts('li'), []);
  });

  it('asks for a link as it is chosen, and shows it', async () => {
    await open(NOBODY);
    const [mode, hours] = panel.node.querySelectorAll('select');
    mode!.value = 'control';
    hours!.value = '8';
    hub.answer = new Response('{"url": "/hub/accept-share?code=x&next=y"}', { status: 201 });
    await press('Copy a link');
    const [, [method, path, body]] = hub.asked as [unknown, [string, string, string]];
    assert.deepEqual([method, path], ['POST', '']);
    assert.deepEqual(JSON.parse(body), { target: 'desk', mode: 'control', hours: 8 });
    const link = panel.node.querySelector('input')!;
    assert.equal(link.hidden, false);
    assert.match(link.value, /^https?:.*\/hub\/accept-share\?code=x&next=y$/);
    panel.toggle(false);
    panel.toggle(true);
    assert.equal(link.value, '', 'a link is told once');
  });

  it('keeps the rows that have not changed: somebody may be about to press one', async () => {
    const first = { user: 'abe', mode: 'view' } as const;
    await open(SOMEBODY);
    const [gus, other] = panel.node.querySelectorAll('li');
    panel.toggle(false);
    await open({ ...SOMEBODY, people: [first, { user: 'gus', mode: 'control' }, SOMEBODY.people[1]!] });
    assert.deepEqual(texts('li span').slice(0, 3), ['abe may view', 'gus may control', 'a/b may control']);
    assert.ok(other!.isConnected);
    assert.ok(!gus!.isConnected, 'what has changed is shown');
    panel.toggle(false);
    await open({ ...SOMEBODY, people: [SOMEBODY.people[1]!], links: [] });
    assert.ok(other!.isConnected);
    hub.said = NOBODY;
    await press('Remove a/b');
    assert.equal(note(), 'Removed.', 'no link is open by now');
  });

  it('shows the latest list, also where an older answer comes after it', async () => {
    const late: ((response: Response) => void)[] = [];
    const ask = async (): Promise<Response> => new Promise(resolve => late.push(resolve));
    panel = new SharePanel({ trans: english, target: 'desk', ask, closed: () => undefined });
    panel.toggle(true);
    panel.toggle(true);
    late[1]!(new Response(JSON.stringify(NOBODY)));
    await settle();
    late[0]!(new Response(JSON.stringify(SOMEBODY)));
    await settle();
    assert.deepEqual(texts('li'), []);
  });

  for (const [answer, said] of [
    [
      '{"message": "There is no such thing.", "reason": "not_found"}',
      'A link that is open lets them in again.'
    ],
    ['<html>', 'The server does not answer.']
  ] as const) {
    it(`takes a guest for removed where the server says that they are gone: ${answer}`, async () => {
      await open(SOMEBODY);
      hub.answer = new Response(answer, { status: 404 });
      await press('Remove gus');
      assert.equal(note(), said);
    });
  }

  for (const [problem, words] of [
    ['authorizer', 'GuestAuthorizer'],
    ['permission', 'vnc.SERVER_SCOPES']
  ] as const) {
    it(`says what the administrator has to configure: ${problem}`, async () => {
      await open({ ...NOBODY, problem });
      assert.ok(panel.node.textContent!.includes(words));
      assert.equal(panel.node.querySelector('select')!.closest('[hidden]') !== null, true);
    });
  }

  it('says what did not work', async () => {
    await open(new Response('{"message": "The hub does not answer.", "reason": "store"}', { status: 503 }));
    assert.equal(note(), 'The hub does not answer.');
  });

  it('is offered to those who have guests', async () => {
    const world = new World();
    const share = createActions(english).find(({ id }) => id === 'share')!;
    assert.equal(share.isVisible!(new Viewer(world.options)), false);
    const viewer = new Viewer({ ...world.options, share: hub.ask });
    document.body.append(viewer.node);
    assert.equal(share.isVisible!(viewer), true);
    viewer.connect();
    await world.succeed();
    share.run!(viewer);
    assert.equal(viewer.node.querySelectorAll('.jp-VNC-share:not([hidden])').length, 1);
  });
});
