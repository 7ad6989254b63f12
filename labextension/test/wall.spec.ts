import { resize } from './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'node:test';

import type { ILook, ILookOptions } from '../src/viewer/pages/look';
import type { IStamp } from '../src/viewer/pages/room-server';
import type { IPerson, IRoom, IRoomSession } from '../src/viewer/pages/room-rows';
import { LiveLooks, MOST_LIVE } from '../src/viewer/pages/room-live';
import { simpleWebP, WallCamera } from '../src/viewer/wall';
import { english } from '../src/viewer/ui/i18n';
import { PageToolbar } from '../src/viewer/toolbar/toolbar';
import { peopleIn } from '../src/viewer/pages/room-rows';
import { RoomPage } from '../src/viewer/pages/room-page';
import { tileWidth } from '../src/viewer/pages/room-tiles';
import { Viewer } from '../src/viewer/viewer';
import { Wall } from '../src/viewer/pages/room-wall';
import { TokenRefused } from '../src/viewer/connection/grant';
import { WallFeed } from '../src/viewer/pages/room-feed';

const NOTICE = 'Your instructors see small pictures of this desktop now.';
const PAGE = readFileSync(join(process.cwd(), '..', 'jupyter_vnc', 'templates', 'room.html'), 'utf8');
const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();

describe('a camera for the wall', () => {
  const camera = (
    world: World,
    pictures: (string | null)[]
  ): { camera: WallCamera; sent: unknown[]; begun: number[] } => {
    const [sent, begun]: [unknown[], number[]] = [[], []];
    const made = new WallCamera({
      clock: world.clock,
      random: () => 1,
      canvas: () => document.createElement('canvas'),
      send: text => sent.push(JSON.parse(text)),
      begun: () => begun.push(1),
      draw: () => (pictures.length > 1 ? pictures.shift()! : pictures[0]!)
    });
    return { camera: made, sent, begun };
  };
  const picture = (data: string): object => ({ type: 'picture', data });

  it('sends what has changed, as often as the server asks, and nothing before and after', async () => {
    const world = new World();
    const { camera: one, sent, begun } = camera(world, ['a', 'a', 'b', null, 'b', 'c']);
    await world.clock.advance(60_000);
    assert.deepEqual([sent, world.clock.pending], [[], 0]);
    one.ask(5);
    await world.clock.advance(1500);
    assert.deepEqual(sent, [picture('a')]);
    await world.clock.advance(5000);
    assert.equal(sent.length, 1, 'the same again');
    await world.clock.advance(20_000);
    assert.deepEqual(sent, [picture('a'), picture('b'), picture('c')]);
    one.ask(0);
    assert.deepEqual([one.on, world.clock.pending, begun.length], [false, 0, 1]);
    one.ask(5);
    await world.clock.advance(1500);
    assert.equal(sent.length, 4, 'who asks anew has nothing yet');
    one.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('never works all the time, whatever it is asked for', async () => {
    for (const every of [NaN, -1, Infinity, 0]) {
      const world = new World();
      const { camera: one } = camera(world, ['a']);
      one.ask(every);
      assert.equal(one.on, false, String(every));
    }
    const world = new World();
    const { camera: one, sent } = camera(
      world,
      Array.from({ length: 99 }, (_, at) => String(at))
    );
    one.ask(0.001);
    await world.clock.advance(10_000);
    assert.ok(sent.length <= 10);
    one.dispose();
  });

  it('tells the reader, in the toolbar for as long as it goes on', async () => {
    const world = new World();
    const viewer = new Viewer(world.options);
    document.body.replaceChildren(new PageToolbar(viewer, english, []).node, viewer.node);
    const tool = document.querySelector<HTMLElement>('[data-action=wall]')!;
    viewer.connect();
    await settle();
    world.socket.open();
    await world.greet();
    assert.ok(tool.hidden);
    world.socket.note({ kind: 'wall', every: 5 });
    assert.deepEqual([tool.hidden, tool.title], [false, NOTICE]);
    const hint = viewer.node.querySelector('.jp-VNC-hint')!;
    assert.match(hint.textContent!, /^Keys go to/, 'what is said at the moment comes first');
    await world.clock.advance(12_000);
    assert.equal(hint.textContent, NOTICE);
    world.socket.note({ kind: 'wall', every: 0 });
    assert.ok(tool.hidden);
    world.socket.note({ kind: 'wall', every: 5 });
    world.socket.end(1006);
    assert.ok(tool.hidden, 'it ends with the connection');
    viewer.dispose();
  });

  it('goes on for no attempt that has ended, and nor does anything else that was said in it', async () => {
    for (const end of [1006, 4503]) {
      const world = new World();
      const viewer = new Viewer(world.options);
      document.body.replaceChildren(viewer.node);
      viewer.connect();
      await world.upgrade();
      // Whoever stands in a queue is told already.
      world.socket.note({ kind: 'wall', every: 5 });
      world.socket.note({ kind: 'overseen', looks: true, hands: true, since: ago(1) });
      const { hand, wall } = viewer.extras;
      assert.deepEqual([hand.up, wall.on], [true, false], 'there is no picture yet');
      await world.end(end);
      assert.deepEqual([hand.offered, wall.asked], [false, false]);
      world.socket.note({ kind: 'wall', every: 5 });
      viewer.connect();
      await world.succeed();
      assert.deepEqual([hand.offered, wall.on], [false, false]);
      await world.clock.advance(20_000);
      assert.doesNotMatch(viewer.node.textContent!, /instructors/i);
      viewer.dispose();
    }
  });

  it('tells the reader when there is a picture, and once, however often a wall is opened', async () => {
    const world = new World();
    const viewer = new Viewer(world.options);
    document.body.replaceChildren(viewer.node);
    const hint = viewer.node.querySelector<HTMLElement>('.jp-VNC-hint')!;
    viewer.connect();
    await world.upgrade();
    world.socket.note({ kind: 'wall', every: 5 });
    await world.clock.advance(12_000);
    assert.notEqual(hint.textContent, NOTICE, 'nobody sees what is not there');
    await world.greet();
    await world.clock.advance(12_000);
    assert.equal(hint.textContent, NOTICE);
    assert.ok(viewer.extras.wall.on);
    hint.textContent = '';
    for (const every of [0, 5]) {
      world.socket.note({ kind: 'wall', every });
      await world.clock.advance(7000);
    }
    assert.deepEqual([viewer.extras.wall.on, hint.textContent], [true, '']);
    viewer.dispose();
  });
});

describe('a picture', () => {
  const bytes = (...parts: (string | number)[]): string =>
    parts.map(part => (typeof part === 'string' ? part : String.fromCharCode(part, 0, 0, 0))).join('');
  const url = (data: string, type = 'image/webp'): string => `data:${type};base64,${btoa(data)}`;

  it('is freed of all that browsers put beside it', () => {
    const frame = bytes('VP8 ', 5, 'frame', '\0');
    const whole = bytes(
      'RIFF',
      100,
      'WEBP',
      'VP8X',
      10,
      '0123456789',
      'ICCP',
      3,
      'abc',
      '\0',
      frame,
      'EXIF',
      2,
      'xy'
    );
    const simple = bytes('RIFF', 4 + frame.length, 'WEBP', frame);
    assert.equal(simpleWebP(url(whole)), simple);
    assert.equal(simpleWebP(url(simple)), simple);
  });

  for (const [name, data] of Object.entries({
    'of another kind': url('abc', 'image/png'),
    'without loss': url(bytes('RIFF', 20, 'WEBP', 'VP8L', 4, 'abcd')),
    'cut off': url(bytes('RIFF', 20, 'WEBP', 'VP8 ', 50, 'abcd')),
    empty: url(''),
    'not there': 'data:,'
  })) {
    it(`that is ${name} is none`, () => assert.equal(simpleWebP(data), null));
  }
});

describe('the feed of a wall', () => {
  it('asks while it is open, with the latest stamp of each process, and at once where there is more', async () => {
    const world = new World();
    const asked: Record<string, number>[] = [];
    const came: string[] = [];
    const answers = [
      { pictures: [{ session: '1', data: 'a' }], process: 'p', stamp: 7, more: true },
      new Error('away'),
      { pictures: [{ session: '2', data: 'b' }], process: 'q', stamp: 5, more: false }
    ];
    const wall = async (stamps: readonly IStamp[]): Promise<never> => {
      asked.push(Object.fromEntries(stamps.map(({ process, stamp }) => [process, stamp])));
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer instanceof Error) {
        throw answer;
      }
      return answer as never;
    };
    const feed = new WallFeed(
      { wall },
      ({ session }) => came.push(session),
      () => undefined,
      world.clock
    );
    await world.clock.advance(10_000);
    assert.deepEqual(asked, []);
    feed.open = true;
    await settle();
    await world.clock.advance(1);
    assert.deepEqual(asked, [{}, { p: 7 }]);
    await world.clock.advance(3000);
    assert.deepEqual(
      [asked, came],
      [
        [{}, { p: 7 }, { p: 7 }],
        ['1', '2']
      ]
    );
    feed.open = false;
    await world.clock.advance(10_000);
    assert.deepEqual([asked.length, world.clock.pending], [3, 0]);
    feed.open = true;
    await settle();
    assert.deepEqual(asked.slice(3), [{ p: 7, q: 5 }]);
    feed.open = false;
  });

  it('says why there are no pictures, asks less and less often, and not before the server wants it', async () => {
    const world = new World();
    const said: (string | null)[] = [];
    const answers = [
      new TokenRefused(429, 'Too many walls.', 20_000),
      ...Array.from({ length: 5 }, () => new Error('away')),
      { pictures: [], process: 'p', stamp: 7, more: false }
    ];
    const asked: number[] = [];
    const wall = async (): Promise<never> => {
      asked.push(world.clock.now());
      const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
      if (answer instanceof Error) {
        throw answer;
      }
      return answer as never;
    };
    const feed = new WallFeed(
      { wall },
      () => undefined,
      refusal => said.push(refusal && refusal.message),
      world.clock,
      () => 1
    );
    feed.open = true;
    for (let second = 0; second < 120; second += 1) {
      await settle();
      await world.clock.advance(1000);
    }
    const between = asked.slice(1).map((at, nth) => at - asked[nth]!);
    assert.deepEqual(between.slice(0, 8), [20_000, 3000, 4000, 8000, 16_000, 30_000, 3000, 3000]);
    assert.deepEqual(said.slice(0, 9), [null, 'Too many walls.', '', '', '', '', '', null, null]);
    feed.open = false;
    assert.equal(said.at(-1), null);
  });

  it('remembers a bounded number of processes: one that is always started anew fills no question', async () => {
    const world = new World();
    let last: readonly IStamp[] = [];
    let nth = 0;
    const wall = async (stamps: readonly IStamp[]): Promise<never> => {
      last = stamps;
      nth += 1;
      return { pictures: [], process: `p${nth}`, stamp: 1, more: nth < 50 } as never;
    };
    const feed = new WallFeed(
      { wall },
      () => undefined,
      () => undefined,
      world.clock
    );
    feed.open = true;
    for (let round = 0; round < 50; round += 1) {
      await settle();
      await world.clock.advance(1);
    }
    assert.deepEqual([nth, last.length, last.at(-1)?.process], [50, 16, 'p49']);
    feed.open = false;
  });
});

describe('tiles', () => {
  it('are as large as fits, and of a large course as small as can be seen', () => {
    const widths = [1, 6, 12, 30, 100, 300].map(count => tileWidth(count, 1400, 800));
    assert.deepEqual(
      widths,
      [...widths].sort((one, other) => other - one)
    );
    assert.ok(widths[0]! <= 480 && widths[5]! === 148);
    for (const [count, width] of [6, 12, 30].map((each, at) => [each, widths[at + 1]!] as const)) {
      const columns = Math.floor((1400 + 8) / (width + 8));
      assert.ok(Math.ceil(count / columns) * (width / 1.6 + 68) <= 800, `${count} fit`);
    }
    assert.equal(tileWidth(30, 328, 640), 148, 'a phone has two beside each other');
    assert.equal(tileWidth(3, 120, 640), 120);
    assert.ok(tileWidth(30, 2500, 1300) > tileWidth(30, 1400, 800));
  });
});

/** A server whose room is the test's. */
class Server {
  room: IRoom = { sessions: [], machines: [], waiting: [], servers: [], absent: [] };
  readonly pictures: { session: string; data: string }[] = [];
  readonly asked: string[] = [];
  refuses = '';

  fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    const path = url.slice('/services/vnc/'.length);
    if (path === 'api/room') {
      return new Response(JSON.stringify(this.room));
    }
    this.asked.push([init.method, path].join(' '));
    if (path === 'api/room/wall' && this.refuses) {
      const body = JSON.stringify({ reason: 'limit', message: this.refuses });
      return new Response(body, { status: 429 });
    }
    return path === 'api/room/wall'
      ? new Response(
          JSON.stringify({ pictures: this.pictures.splice(0), process: 'p', stamp: 1, more: false })
        )
      : new Response(null, { status: 204 });
  };
}

describe('the wall', () => {
  let server: Server;
  let page: RoomPage;

  const session = (user: string, more: Partial<IRoomSession> = {}): IRoomSession => ({
    id: `of-${user}`,
    target: 'lab',
    mode: 'control',
    user,
    owner: user,
    machine: null,
    since: ago(60),
    last_input: ago(0),
    hand: null,
    ...more
  });
  const part = <T extends HTMLElement>(selector: string): T => document.querySelector<T>(selector)!;
  const names = (): string[] => [...document.querySelectorAll('#wall h3')].map(one => one.textContent!);
  const tile = (name: string): HTMLElement =>
    [...document.querySelectorAll<HTMLElement>('.jp-VNC-tile')].find(
      one => one.querySelector('h3')!.textContent === name
    )!;

  beforeEach(() => {
    document.body.innerHTML = /{% block main %}(.*){%- endblock %}/s.exec(PAGE)![1]!;
    document.body.dataset.root = '/services/vnc/';
    localStorage.clear();
    server = new Server();
    Object.assign(globalThis, { fetch: server.fetch });
    page = new RoomPage(document.body, english);
  });

  it('is not there, and asks for nothing, until somebody chooses it; then it is there after a reload', async () => {
    server.room = { ...server.room, sessions: [session('ann')] };
    await page.refresh();
    assert.deepEqual([names(), server.asked], [[], []]);
    part('#views [data-view=wall]').click();
    assert.deepEqual(names(), ['ann']);
    assert.equal(part('#people').dataset.view, 'wall');
    assert.deepEqual(
      [...document.querySelectorAll('#views button')].map(one => one.getAttribute('aria-pressed')),
      ['false', 'true']
    );
    document.body.innerHTML = /{% block main %}(.*){%- endblock %}/s.exec(PAGE)![1]!;
    await new RoomPage(document.body, english).refresh();
    assert.deepEqual(names(), ['ann']);
    part('#views [data-view=table]').click();
    assert.deepEqual(names(), []);
  });

  it('has who needs somebody first: hands, then who is idle, then the others by name', async () => {
    part('#views [data-view=wall]').click();
    server.room = {
      sessions: [
        session('zoe'),
        session('bob', { last_input: ago(20) }),
        session('cat', { hand: ago(1) }),
        session('dan', { hand: ago(5) }),
        session('eve', { last_input: ago(90) }),
        session('fay', { machine: null }),
        session('amy')
      ],
      machines: [],
      waiting: [{ target: 'lab', user: 'fay', place: 2, since: ago(3) }],
      servers: [],
      absent: ['abe']
    };
    await page.refresh();
    assert.deepEqual(names(), ['dan', 'cat', 'eve', 'bob', 'fay', 'amy', 'zoe']);
    const doing = (name: string): string => tile(name).querySelector('.jp-VNC-doing')!.textContent!;
    assert.deepEqual(['dan', 'eve', 'fay', 'amy'].map(doing), [
      'hand up 5 min ago',
      'last input 2 h ago',
      'number 2 in the queue',
      'last input just now'
    ]);
    assert.deepEqual([tile('dan').dataset.state, tile('eve').dataset.state], ['hand', 'idle']);
    part('[data-kind=hand]').click();
    assert.deepEqual(names(), ['dan', 'cat'], 'what is counted is chosen here, too');
  });

  it('says what a hand is about, as text, in both views', async () => {
    const sentence = '<img src=x onerror=alert(1)> does not start';
    server.room = {
      ...server.room,
      sessions: [session('ann', { hand: ago(5), hand_sentence: sentence }), session('bob', { hand: ago(1) })]
    };
    await page.refresh();
    const said = `hand up 5 min ago: “${sentence}”`;
    assert.ok(part('#people table').textContent!.includes(said));
    part('#views [data-view=wall]').click();
    const doing = (name: string): HTMLElement => tile(name).querySelector('.jp-VNC-doing')!;
    assert.deepEqual([doing('ann').textContent, doing('bob').textContent], [said, 'hand up 1 min ago']);
    assert.equal(doing('ann').title, said, 'a tile has one line for it');
    assert.equal(document.querySelectorAll('#people img').length, 2, 'the tiles’ own');
  });

  it('shows pictures as they come, keeps them while others are chosen, and says why there is none', async () => {
    server.room = {
      ...server.room,
      sessions: [session('ann'), session('amy')],
      machines: [
        {
          target: 'lab',
          title: 'Lab',
          machine: 'm1',
          state: 'taken',
          user: 'bob',
          since: ago(9),
          last_input: null,
          retry_in: null
        }
      ]
    };
    await page.refresh();
    part('#views [data-view=wall]').click();
    server.pictures.push({ session: 'of-ann', data: 'QUJD' }, { session: 'of-nobody', data: 'QUJD' });
    Object.assign(window, { setInterval: () => 0 }); // its own rounds are not for this test
    page.watch();
    await settle();
    await settle();
    const image = (name: string): HTMLImageElement => tile(name).querySelector('img')!;
    assert.equal(image('ann').getAttribute('src'), 'data:image/webp;base64,QUJD');
    assert.deepEqual([image('ann').hidden, image('amy').hidden], [false, true]);
    const none = (name: string): string => tile(name).querySelector('.jp-VNC-none')!.textContent!;
    assert.deepEqual(['ann', 'amy', 'bob'].map(none), ['', 'No picture', 'Nobody is at this desktop']);
    part<HTMLInputElement>('#filter').value = 'amy';
    part('#filter').dispatchEvent(new Event('input'));
    assert.deepEqual(names(), ['amy']);
    part<HTMLInputElement>('#filter').value = '';
    part('#filter').dispatchEvent(new Event('input'));
    assert.ok(!image('ann').hidden);
    server.room = { ...server.room, sessions: [session('amy')] };
    await page.refresh();
    server.room = { ...server.room, sessions: [session('amy'), session('ann')] };
    await page.refresh();
    assert.ok(image('ann').hidden, 'it was of a session that is over');
    part('#views [data-view=table]').click();
  });

  it('says why it has no pictures until somebody chooses the table', async () => {
    server.refuses = 'Too many walls are open. Try again later.';
    Object.assign(window, { setInterval: () => 0 }); // its own rounds are not for this test
    page.watch();
    part('#views [data-view=wall]').click();
    await settle();
    await settle();
    assert.equal(part('#trouble').textContent, server.refuses);
    await page.refresh();
    assert.equal(part('#trouble').textContent, server.refuses, 'also while the table has an answer');
    part('#views [data-view=table]').click();
    assert.equal(part('#trouble').textContent, '');
  });

  it('draws no picture of a tile that the browser skips until it does not', async () => {
    server.room = { ...server.room, sessions: [session('ann')] };
    await page.refresh();
    Object.assign(window, { setInterval: () => 0 }); // its own rounds are not for this test
    page.watch();
    part('#views [data-view=wall]').click();
    await settle();
    const skip = (skipped: boolean): void => {
      const event = Object.assign(new Event('contentvisibilityautostatechange'), { skipped });
      tile('ann').dispatchEvent(event);
    };
    skip(true);
    server.pictures.push({ session: 'of-ann', data: 'QUJD' });
    part('#views [data-view=table]').click();
    part('#views [data-view=wall]').click();
    skip(true);
    await settle();
    await settle();
    const image = tile('ann').querySelector('img')!;
    assert.deepEqual([image.hidden, image.getAttribute('src')], [false, null]);
    skip(false);
    assert.equal(image.getAttribute('src'), 'data:image/webp;base64,QUJD');
    part('#views [data-view=table]').click();
  });

  it('can be used by keyboard, and leaves the focus where it is while tiles move', async () => {
    part('#views [data-view=wall]').click();
    server.room = { ...server.room, sessions: ['amy', 'ann', 'bob'].map(name => session(name)) };
    await page.refresh();
    const link = (name: string): HTMLElement => tile(name).querySelector('a')!;
    assert.equal(link('ann').getAttribute('aria-label'), 'Watch ann live: last input just now');
    assert.equal(link('ann').getAttribute('href'), '/services/vnc/view/lab/of/ann');
    link('amy').focus();
    const press = (key: string): boolean =>
      document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    press('ArrowRight');
    assert.equal(document.activeElement, link('ann'));
    press('ArrowLeft');
    press('ArrowLeft');
    assert.equal(document.activeElement, link('amy'), 'there is nothing before the first');
    server.room = { ...server.room, sessions: [session('amy'), session('ann', { hand: ago(1) })] };
    await page.refresh();
    assert.deepEqual(names(), ['ann', 'amy']);
    assert.equal(document.activeElement, link('amy'));
    server.room = { ...server.room, sessions: [session('ann')] };
    await page.refresh();
    assert.equal(document.activeElement, part('#filter'));
  });

  it('leads the keyboard to the menu of a tile that cannot be watched', async () => {
    part('#views [data-view=wall]').click();
    const waiting = [{ target: 'lab', user: 'fay', place: 1, since: ago(3) }];
    server.room = { ...server.room, sessions: [session('ann'), session('fay', { machine: null })], waiting };
    await page.refresh();
    assert.equal(tile('fay').querySelector('a')!.getAttribute('href'), null);
    tile('ann').querySelector('a')!.focus();
    const key = names().indexOf('fay') > names().indexOf('ann') ? 'ArrowRight' : 'ArrowLeft';
    document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const focused = document.activeElement!;
    assert.ok(tile('fay').contains(focused) && focused.localName === 'button');
  });

  it('has the actions of each in a menu', async () => {
    part('#views [data-view=wall]').click();
    server.room = { ...server.room, sessions: [session('ann')] };
    await page.refresh();
    tile('ann').querySelector<HTMLElement>('.jp-VNC-tool')!.click();
    const items = [...document.querySelectorAll<HTMLElement>('[role=menuitem]')];
    assert.deepEqual(
      items.map(one => one.textContent),
      ['Look in', 'Message', 'End']
    );
    items[2]!.click();
    [...document.querySelectorAll<HTMLElement>('dialog button')].at(-1)!.click();
    await settle();
    await settle();
    assert.ok(server.asked.includes('DELETE api/sessions/of-ann'));
  });

  it('keeps who is watched live, in place, whatever is chosen: to look in takes a hand down', async () => {
    const disposed: string[] = [];
    const watch = ({ owner }: ILookOptions): ILook => ({
      node: document.createElement('div'),
      visible: true,
      dispose: () => void disposed.push(owner)
    });
    const list = document.createElement('ul');
    document.body.append(list);
    const live = new LiveLooks(
      '/vnc/',
      '1',
      english,
      () => undefined,
      async () => ({ watch })
    );
    const wall = new Wall(list, english, {
      root: '/vnc/',
      live,
      offered: () => [],
      act: () => undefined,
      show: () => undefined
    });
    const room = { machines: [], waiting: [], servers: [], absent: [] };
    const people = peopleIn({ ...room, sessions: ['amy', 'bob', 'cat'].map(name => session(name)) });
    const [amy, bob, cat] = people as [IPerson, IPerson, IPerson];
    const shown = (): string[] => [...list.querySelectorAll('h3')].map(one => one.textContent!);
    const where = (): string => '';
    wall.show([amy, bob], where, people);
    await live.open(bob, () => undefined);
    await live.open(cat, () => undefined);
    wall.show([amy], where, people);
    assert.deepEqual(
      [shown(), disposed],
      [['amy', 'bob', 'cat'], []],
      'even one whose tile has gone meanwhile'
    );
    wall.show([cat, amy, bob], where, people);
    assert.deepEqual(shown(), ['amy', 'bob', 'cat'], 'they do not move');
    live.close(bob.key);
    wall.show([amy], where, people);
    assert.deepEqual(shown(), ['amy', 'cat']);
    wall.show([], where, [amy]);
    assert.deepEqual([shown(), disposed], [[], ['bob', 'cat']], 'who is gone is gone');
    list.remove();
  });

  it('shows what servers made up as text', async () => {
    part('#views [data-view=wall]').click();
    const name = '<img src=x onerror=alert(1)>';
    server.room = { ...server.room, sessions: [session(name)] };
    await page.refresh();
    assert.deepEqual(names(), [name]);
    assert.equal(document.querySelectorAll('img').length, 1, 'the tile’s own');
  });
});

describe('live looks', () => {
  const people = peopleIn({
    sessions: Array.from({ length: MOST_LIVE + 1 }, (_, at) => ({
      id: String(at),
      target: 'lab',
      mode: 'control' as const,
      user: `s${at}`,
      owner: `s${at}`,
      machine: null,
      since: ago(1),
      last_input: null,
      hand: null
    })),
    machines: [],
    waiting: [],
    servers: [],
    absent: []
  });

  it('say that the viewer could not be loaded, and can be tried again', async () => {
    const said: string[] = [];
    let there = false;
    const look = { node: document.createElement('div'), visible: true, dispose: () => undefined };
    const live = new LiveLooks(
      '/vnc/',
      '1',
      english,
      sentence => said.push(sentence),
      async () => {
        if (!there) {
          throw new TypeError('Failed to fetch dynamically imported module');
        }
        return { watch: () => look };
      }
    );
    const { error } = console;
    console.error = () => undefined;
    await live.open(people[0]!, () => undefined);
    console.error = error;
    assert.deepEqual(
      [said, live.of(people[0]!.key)],
      [['The viewer could not be loaded from the server.'], undefined]
    );
    there = true;
    await live.open(people[0]!, () => undefined);
    assert.equal(live.of(people[0]!.key), look);
  });

  it('are never more, however many are chosen before the viewer is loaded', async () => {
    const said: string[] = [];
    let count = 0;
    const watch = (): ILook => {
      count += 1;
      return { node: document.createElement('div'), visible: true, dispose: () => undefined };
    };
    const live = new LiveLooks(
      '/vnc/',
      '1',
      english,
      sentence => said.push(sentence),
      async () => ({ watch })
    );
    await Promise.all(people.map(one => live.open(one, () => undefined)));
    assert.deepEqual([people.length, count, said.length], [MOST_LIVE + 1, MOST_LIVE, 1]);
  });

  it('are several at once, and a bounded number; who closes one can open another', async () => {
    const [opened, disposed, said]: [ILookOptions[], string[], string[]] = [[], [], []];
    const watch = (options: ILookOptions): ILook => {
      opened.push(options);
      return {
        node: document.createElement('div'),
        visible: true,
        dispose: () => void disposed.push(options.owner)
      };
    };
    const live = new LiveLooks(
      '/vnc/',
      '1',
      english,
      sentence => said.push(sentence),
      async () => ({ watch })
    );
    await Promise.all([live.open(people[0]!, () => undefined), live.open(people[0]!, () => undefined)]);
    assert.equal(opened.length, 1, 'one for each person');
    for (const one of people) {
      if (!live.of(one.key)) {
        await live.open(one, () => undefined);
      }
    }
    assert.equal(opened.length, MOST_LIVE);
    assert.match(said[0]!, /^No more desktops/);
    live.visible = false;
    assert.ok(people.slice(0, MOST_LIVE).every(one => live.of(one.key)!.visible === false));
    live.keep(new Set([people[0]!.key]));
    assert.equal(disposed.length, MOST_LIVE - 1);
    await live.open(people[MOST_LIVE]!, () => undefined);
    assert.equal(opened.at(-1)!.owner, `s${MOST_LIVE}`);
  });
});

resize(document.body, 1200, 800);
