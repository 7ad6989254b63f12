import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { createActions } from '../src/viewer/toolbar/actions';
import { PICTURE_FIRST } from '../src/viewer/ui/clock';
import { briefly, COMPANY_INTERVAL } from '../src/viewer/presence';
import { TokenRefused } from '../src/viewer/connection/grant';
import { english } from '../src/viewer/ui/i18n';
import { PageToolbar } from '../src/viewer/toolbar/toolbar';
import type { IPresence, Mode } from '../src/viewer/session';
import { Viewer } from '../src/viewer/viewer';

beforeEach(() => document.body.replaceChildren());

const SELF: IPresence = { user: 'ann', mode: 'control', you: true };
const PROF: IPresence = { user: 'prof', mode: 'view', you: false };
const BOB: IPresence = { user: 'bob', mode: 'control', you: false };

/** A viewer on a server whose answers are the test's. */
function shared(world: World, options: Partial<World['options']> = {}) {
  const asked = { takeovers: [] as boolean[], viewers: 0 };
  const server = { viewers: [SELF] as readonly IPresence[] | Error };
  const { fetchToken } = world.options;
  const viewer = new Viewer({
    ...world.options,
    fetchToken: (signal, takeover) => {
      asked.takeovers.push(takeover);
      return fetchToken(signal, takeover);
    },
    fetchViewers: async () => {
      asked.viewers += 1;
      if (server.viewers instanceof Error) {
        throw server.viewers;
      }
      return server.viewers;
    },
    ...options
  });
  const toolbar = new PageToolbar(viewer, english, []);
  document.body.append(toolbar.node, viewer.node);
  return { viewer, toolbar, asked, server };
}

const words = (viewer: Viewer): string[] =>
  [...viewer.node.querySelectorAll('.jp-VNC-buttons button')].map(each => each.textContent!);

const press = (viewer: Viewer, word: string): void =>
  [...viewer.node.querySelectorAll<HTMLElement>('.jp-VNC-buttons button')]
    .find(each => each.textContent === word)!
    .click();

const tool = (id: string): HTMLButtonElement => document.querySelector(`[data-action="${id}"]`)!;

const items = (): HTMLButtonElement[] => [
  ...document.querySelectorAll<HTMLButtonElement>('[role=menu] button')
];

describe('that instructors may look', () => {
  it('is said once what is shown has gone: whoever looks by now matters more', async () => {
    const world = new World();
    const { viewer } = shared(world);
    const hint = (): string => viewer.node.querySelector('.jp-VNC-hint')!.textContent!;
    viewer.connect();
    await settle();
    world.socket.open();
    await world.greet();
    world.socket.note({ kind: 'overseen', hands: true, looks: true, since: null });
    await world.clock.advance(5000);
    const ada = { user: 'ada', mode: 'view', you: false };
    world.socket.note({
      kind: 'viewers',
      viewers: [{ user: 'ann', mode: 'control', you: true }, ada],
      count: 2
    });
    assert.equal(hint(), 'ada is watching.');
    await world.clock.advance(4900);
    assert.equal(hint(), 'ada is watching.');
    await world.clock.advance(6000);
    assert.match(hint(), /^Your instructors may look at this desktop/);
    viewer.dispose();
  });
});

describe('a hand', () => {
  const overseen = { kind: 'overseen', hands: true, looks: true, since: null as string | null };
  const UP = { ...overseen, since: '2026-01-01T10:00:00+00:00' };

  it('may have a sentence, for which whoever raised it is asked and nobody else', async () => {
    const world = new World();
    const { viewer } = shared(world);
    viewer.connect();
    await settle();
    const sent: string[] = [];
    Object.assign(world.socket, { readyState: 1, send: (text: string) => sent.push(text) });
    world.socket.open();
    await world.greet();
    const input = (): HTMLInputElement | null => viewer.node.querySelector('.jp-mod-question input');
    const press = (nth: number): void =>
      viewer.node.querySelectorAll<HTMLElement>('.jp-mod-question button')[nth]!.click();
    world.socket.note(overseen);
    world.socket.note(UP);
    assert.equal(input(), null, 'it was raised in another window');
    world.socket.note(overseen);
    for (const send of [true, false]) {
      await world.clock.advance(1000);
      tool('hand').click();
      world.socket.note(UP);
      assert.equal(input()!.maxLength, 200);
      assert.notEqual(document.activeElement, input(), 'the reader may be typing');
      input()!.value = ' It does not start. ';
      press(send ? 0 : 1);
      assert.equal(input(), null);
      world.socket.note(overseen);
    }
    const up = '{"type":"hand","up":true}';
    const said = '{"type":"hand","up":true,"sentence":"It does not start."}';
    assert.deepEqual(sent, [up, said, up]);
    await world.clock.advance(1000);
    tool('hand').click();
    world.socket.note(UP);
    assert.ok(input());
    input()!.focus();
    const keys: string[] = [];
    document.body.addEventListener('keydown', event => keys.push(event.key));
    input()!.dispatchEvent(new KeyboardEvent('keydown', { key: 'x', bubbles: true }));
    assert.deepEqual(keys, [], 'shortcuts of the page stay away');
    world.socket.note(overseen);
    assert.equal(input(), null, 'somebody has looked in');
    assert.notEqual(document.activeElement, document.body, 'the keyboard is back at the desktop');
    world.socket.note(UP);
    assert.equal(input(), null, 'it was raised in another window after that');
    world.socket.note(overseen);
    await world.clock.advance(1000);
    tool('hand').click();
    world.socket.note(UP);
    input()!.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
    assert.equal(input(), null);
    viewer.dispose();
  });
  const hint = (viewer: Viewer): string => viewer.node.querySelector('.jp-VNC-hint')!.textContent!;

  it('is raised by a press, is up when the server says so, and goes with the connection', async () => {
    const world = new World();
    const { viewer } = shared(world);
    viewer.connect();
    await settle();
    const sent: string[] = [];
    Object.assign(world.socket, { readyState: 1, send: (text: string) => sent.push(text) });
    world.socket.open();
    assert.ok(tool('hand').hidden, 'nobody would see it');
    await world.greet();
    world.socket.note(overseen);
    assert.ok(!tool('hand').hidden);
    const may = 'Your instructors may look at this desktop. You see here who does, for as long as they look.';
    await world.clock.advance(6000);
    assert.equal(hint(viewer), may);
    viewer.togglePanel('settings');
    assert.equal(viewer.node.querySelector('.jp-VNC-overseen')!.textContent, may);
    viewer.togglePanel('settings');
    assert.deepEqual(
      [tool('hand').title, tool('hand').getAttribute('aria-pressed')],
      ['Raise your hand', 'false']
    );
    tool('hand').click();
    tool('hand').click();
    assert.deepEqual(sent, ['{"type":"hand","up":true}'], 'one message a second');
    assert.equal(tool('hand').getAttribute('aria-pressed'), 'false', 'the server has not said so');
    world.socket.note({ ...overseen, since: '2026-01-01T10:00:00+00:00' });
    assert.equal(tool('hand').getAttribute('aria-pressed'), 'true');
    assert.equal(hint(viewer), 'Your hand is up. Your instructors see that.');
    world.socket.note({ ...overseen, hands: false, since: '2026-01-01T10:00:00+00:00' });
    assert.ok(tool('hand').hidden, 'nobody sees it at present');
    assert.notEqual(hint(viewer), 'Your hand is down.');
    world.socket.note({ ...overseen, since: '2026-01-01T10:00:00+00:00' });
    assert.equal(hint(viewer), 'Your hand is up. Your instructors see that.');
    await world.clock.advance(1000);
    tool('hand').click();
    assert.equal(sent[1], '{"type":"hand","up":false}');
    world.socket.note(overseen);
    assert.equal(hint(viewer), 'Your hand is down.');
    world.socket.note({ ...overseen, hands: false });
    assert.ok(tool('hand').hidden, 'the service is away');
    viewer.togglePanel('settings');
    assert.equal(viewer.node.querySelector('.jp-VNC-overseen')!.textContent, '');
    viewer.togglePanel('settings');
    world.socket.note({ ...overseen, looks: false });
    await world.clock.advance(6000);
    assert.equal(
      hint(viewer),
      'Your instructors see that you are at this desktop. They cannot look at it.',
      'what is new is said'
    );
    world.socket.note({ ...overseen, since: '2026-01-01T10:00:00+00:00' });
    world.socket.end(1006);
    assert.ok(tool('hand').hidden);
    viewer.dispose();
  });
});

describe('a desktop that somebody else uses', () => {
  it('names them, and is taken over by an explicit press only', async () => {
    const world = new World();
    const { viewer, asked } = shared(world);
    world.answers = [
      new TokenRefused(409, 'bob is using this desktop.'),
      new TokenRefused(409, 'bob is using this desktop.')
    ];
    viewer.connect();
    await settle();
    assert.equal(viewer.status.state, 'busy');
    assert.equal(viewer.node.querySelector('.jp-VNC-detail')!.textContent, 'bob is using this desktop.');
    assert.deepEqual(words(viewer), ['Try again', 'Take it over']);
    viewer.focus();
    assert.equal(document.activeElement!.textContent, 'Try again');
    await world.clock.advance(600000);
    assert.deepEqual(asked.takeovers, [false], 'nothing happens by itself');
    press(viewer, 'Try again');
    await settle();
    press(viewer, 'Take it over');
    await world.succeed();
    assert.deepEqual(asked.takeovers, [false, false, true]);
    assert.ok(viewer.connected);
    viewer.dispose();
  });

  it('is not taken over again by a reconnection', async () => {
    const world = new World();
    const { viewer, asked } = shared(world);
    world.answers = [new TokenRefused(409)];
    viewer.connect();
    await settle();
    press(viewer, 'Take it over');
    await world.succeed();
    await world.end(1006);
    await world.clock.advance(2000);
    assert.deepEqual(asked.takeovers, [false, true, false]);
    viewer.dispose();
  });
});

describe('a desktop that was taken over', () => {
  it('does not reconnect, says who has it, and is taken back by a press', async () => {
    const world = new World();
    const { viewer, asked } = shared(world);
    viewer.connect();
    await world.succeed();
    await world.end(4409, 'bob is using it now.');
    assert.equal(viewer.node.querySelector('.jp-VNC-detail')!.textContent, 'bob is using it now.');
    viewer.focus();
    assert.ok(viewer.node.contains(document.activeElement));
    assert.notEqual(document.activeElement!.tagName, 'BUTTON', 'a space that was meant for the desktop');
    window.dispatchEvent(new Event('online'));
    viewer.visible = false;
    viewer.visible = true;
    await world.clock.advance(600000);
    assert.equal(world.asked, 1);
    press(viewer, 'Take it back');
    await world.succeed();
    assert.deepEqual(asked.takeovers, [false, true]);
    viewer.dispose();
  });
});

describe('a desktop that has ended', () => {
  it('is not started again until the reader says so', async () => {
    const world = new World();
    const { viewer } = shared(world);
    viewer.connect();
    await world.succeed();
    viewer.focus();
    await world.end(1000, 'The desktop has ended the connection.');
    assert.notEqual(document.activeElement!.tagName, 'BUTTON', 'the rest of what was typed');
    window.dispatchEvent(new Event('online'));
    viewer.visible = false;
    viewer.visible = true;
    await world.clock.advance(600000);
    assert.equal(world.asked, 1);
    assert.deepEqual(words(viewer), ['Reconnect']);
    viewer.dispose();
  });
});

describe('who else is there', () => {
  it('is named in the toolbar as soon as there is somebody', async () => {
    const world = new World();
    const { viewer, server } = shared(world);
    server.viewers = [SELF, PROF];
    assert.ok(tool('people').hidden);
    viewer.connect();
    await world.succeed();
    assert.ok(tool('people').hidden, 'the first picture comes first');
    await world.clock.advance(PICTURE_FIRST);
    assert.ok(!tool('people').hidden);
    assert.equal(tool('people').textContent, 'prof');
    assert.equal(tool('people').title, 'prof is watching');
    const told = viewer.node.querySelector<HTMLElement>('.jp-VNC-hint')!;
    assert.equal(told.textContent, 'prof is watching.');
    assert.equal(viewer.node.querySelector('[aria-live]')!.textContent, 'prof is watching.');
    server.viewers = [SELF, PROF, BOB];
    await world.clock.advance(COMPANY_INTERVAL);
    assert.equal(tool('people').textContent, '+2');
    assert.equal(told.textContent, 'bob is in control.');
    tool('people').click();
    assert.deepEqual(
      items().map(item => item.textContent),
      ['prof is watching', 'bob is in control']
    );
    items()[0]!.click();
    server.viewers = [SELF];
    await world.clock.advance(COMPANY_INTERVAL);
    assert.ok(tool('people').hidden);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('does not count this viewer, but the same reader in another window', async () => {
    const world = new World();
    const { viewer, server } = shared(world);
    server.viewers = [SELF, { ...SELF, mode: 'view' }];
    viewer.connect();
    await world.succeed();
    await world.clock.advance(PICTURE_FIRST);
    assert.equal(tool('people').title, 'You have it open in another window');
    assert.equal(tool('people').textContent, '+1');
    viewer.dispose();
  });

  it('is asked for every ten seconds while somebody looks, and not otherwise', async () => {
    const world = new World();
    const { viewer, asked } = shared(world);
    await world.clock.advance(60000);
    assert.equal(asked.viewers, 0);
    viewer.connect();
    await world.succeed();
    await world.clock.advance(PICTURE_FIRST + 3 * COMPANY_INTERVAL);
    assert.equal(asked.viewers, 4);
    viewer.visible = false;
    await world.clock.advance(600000);
    assert.equal(asked.viewers, 4);
    viewer.visible = true;
    await world.clock.advance(PICTURE_FIRST);
    assert.equal(asked.viewers, 5);
    await world.end(4410);
    await world.clock.advance(600000);
    assert.equal(asked.viewers, 5);
    viewer.dispose();
  });

  it('comes in notes, and then the server is never asked', async () => {
    const world = new World();
    const { viewer, asked } = shared(world);
    viewer.connect();
    await settle();
    world.socket.open();
    world.socket.note({ kind: 'viewers', viewers: [SELF, PROF], count: 2 });
    await world.greet();
    assert.ok(tool('people').hidden, 'the first picture comes first');
    await world.clock.advance(PICTURE_FIRST);
    assert.equal(tool('people').textContent, 'prof');
    viewer.visible = false;
    world.socket.note({ kind: 'viewers', viewers: [SELF, PROF, BOB], count: 3 });
    assert.equal(tool('people').textContent, 'prof', 'whoever is away is greeted when they are back');
    viewer.visible = true;
    await world.clock.advance(PICTURE_FIRST);
    assert.equal(viewer.node.querySelector('.jp-VNC-hint')!.textContent, 'bob is in control.');
    world.socket.note({ kind: 'viewers', viewers: [SELF], count: 1 });
    assert.ok(tool('people').hidden);
    await world.clock.advance(600000);
    assert.equal(asked.viewers, 0);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('in a note counts more than an answer that was on its way', async () => {
    const world = new World();
    let answer: (all: readonly IPresence[]) => void = () => undefined;
    const { viewer } = shared(world, { fetchViewers: () => new Promise(resolve => (answer = resolve)) });
    viewer.connect();
    await world.succeed();
    await world.clock.advance(PICTURE_FIRST);
    world.socket.note({ kind: 'viewers', viewers: [SELF, PROF], count: 2 });
    answer([SELF]);
    await settle();
    assert.equal(tool('people').textContent, 'prof');
    viewer.dispose();
  });

  it('is counted where it is a class', async () => {
    const world = new World();
    const { viewer } = shared(world);
    viewer.connect();
    await world.succeed();
    const watchers = Array.from({ length: 29 }, (_, index) => ({ ...PROF, user: `student${index}` }));
    world.socket.note({ kind: 'viewers', viewers: [SELF, ...watchers], count: 100 });
    assert.equal(tool('people').textContent, '+99');
    const hint = viewer.node.querySelector('.jp-VNC-hint')!;
    assert.equal(hint.textContent, '29 others have it on the screen.');
    tool('people').click();
    assert.deepEqual(
      items()
        .slice(-2)
        .map(item => item.textContent),
      ['student28 is watching', '70 more']
    );
    world.socket.note({ kind: 'viewers', viewers: [SELF, ...watchers], count: 101 });
    assert.equal(tool('people').textContent, '+100');
    viewer.dispose();
  });

  it('stays as it was while the server does not answer, and goes with the connection', async () => {
    const world = new World();
    const { viewer, server } = shared(world);
    server.viewers = [SELF, PROF];
    viewer.connect();
    await world.succeed();
    await world.clock.advance(PICTURE_FIRST);
    server.viewers = new Error('offline');
    await world.clock.advance(COMPANY_INTERVAL);
    assert.equal(tool('people').textContent, 'prof');
    await world.end(1006);
    assert.ok(tool('people').hidden);
    viewer.dispose();
  });

  it('is cut when a name is long', () => {
    const user = 'a-very-long-name@university.example.org';
    assert.equal(briefly({ others: [{ ...BOB, user }], count: 1 }), 'a-very-long-name@un…');
    assert.equal(briefly({ others: [], count: 0 }), '');
  });
});

describe('the buttons follow what is permitted', () => {
  /** What a session offers: the actions that are visible and enabled. */
  async function offered(mode: Mode, clipboard: 'both' | 'to-desktop' | 'from-desktop' | 'off') {
    const world = new World();
    const settings = { ...world.options.settings, clipboard };
    // The page was told "control": what the server grants decides.
    const { viewer } = shared(world, { settings });
    world.answers = [{ mode }];
    viewer.connect();
    await settle();
    world.socket.open();
    world.rfb.capabilities.power = true;
    world.rfb.say('connect', {});
    await settle();
    const ids = createActions(english)
      .filter(action => (action.isVisible?.(viewer) ?? true) && action.isEnabled(viewer))
      .map(action => action.id);
    const remote = createActions(english).find(action => action.id === 'scaling')!.items!(viewer)[0]!;
    viewer.dispose();
    return { ids, remote, sends: world.rfb.keys.length + world.rfb.pasted.length };
  }

  it("at a desktop of somebody else there is one way to give up control, and it is not the toolbar's", () => {
    for (const lookingIn of [false, true]) {
      const { viewer } = shared(new World(), { lookingIn });
      const choice = createActions(english).find(action => action.id === 'view-only')!;
      assert.equal(choice.isVisible!(viewer), !lookingIn);
      viewer.dispose();
    }
  });

  const hands = ['keys', 'keyboard', 'power'];
  for (const [mode, clipboard, permitted] of [
    ['control', 'both', [...hands, 'clipboard']],
    ['control', 'to-desktop', [...hands, 'clipboard']],
    ['control', 'from-desktop', [...hands, 'clipboard']],
    ['control', 'off', hands],
    ['view', 'both', ['clipboard']],
    ['view', 'to-desktop', []],
    ['view', 'from-desktop', ['clipboard']],
    ['view', 'off', []]
  ] as const) {
    it(`${mode} with clipboard ${clipboard}`, async () => {
      const { ids, remote, sends } = await offered(mode, clipboard);
      for (const id of [...hands, 'clipboard']) {
        assert.equal(ids.includes(id), (permitted as readonly string[]).includes(id), id);
      }
      assert.equal(remote.enabled, mode === 'control');
      assert.equal(remote.label.includes('not in view mode'), mode === 'view');
      assert.equal(sends, 0);
    });
  }
});
