import { FakeResizeObserver, resize } from './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { PICTURE_FIRST } from '../src/viewer/ui/clock';
import { TokenRefused } from '../src/viewer/connection/grant';
import type { Mode } from '../src/viewer/session';
import type { IViewerOptions } from '../src/viewer/options';
import { Viewer } from '../src/viewer/viewer';

beforeEach(() => {
  document.body.replaceChildren();
  FakeResizeObserver.all = [];
});

function viewer(world: World, options: Partial<IViewerOptions> = {}): Viewer {
  const made = new Viewer({ ...world.options, ...options });
  document.body.append(made.node);
  resize(made.node.querySelector('.jp-VNC-screen')!, 800, 600);
  return made;
}

async function connected(world: World, options: Partial<IViewerOptions> = {}): Promise<Viewer> {
  const made = viewer(world, options);
  made.connect();
  await world.succeed();
  assert.ok(made.connected);
  return made;
}

const buttons = (made: Viewer): HTMLButtonElement[] => [
  ...made.node.querySelectorAll<HTMLButtonElement>('.jp-VNC-buttons button')
];

const words = (made: Viewer): (string | null)[] => buttons(made).map(node => node.textContent);

function key(type: 'keydown' | 'keyup', code: string, name: string): void {
  const event = new KeyboardEvent(type, { code, key: name, bubbles: true });
  document.querySelector('canvas')!.dispatchEvent(event);
}

describe('the overlay', () => {
  it('offers what can be done in each situation', async () => {
    const world = new World();
    const made = viewer(world);
    assert.deepEqual(words(made), ['Connect']);
    made.connect();
    assert.deepEqual(words(made), ['Cancel']);
    await world.succeed();
    assert.ok(made.node.querySelector<HTMLElement>('.jp-VNC-overlay')!.hidden);
    await world.end(1012);
    assert.deepEqual(words(made), ['Retry now', 'Stop']);
    for (const [code, word] of [
      [1000, 'Reconnect'],
      [4401, 'Log in'],
      [4404, 'Back to the list'],
      [4409, 'Take it back'],
      [4505, 'Try again']
    ] as const) {
      made.connect();
      await world.succeed();
      await world.end(code);
      assert.deepEqual(words(made), [word]);
    }
  });

  it('is not drawn while the first connection is quicker than one could read it', async () => {
    const world = new World();
    const made = viewer(world);
    const quiet = (): boolean =>
      made.node.querySelector('.jp-VNC-overlay')!.classList.contains('jp-mod-quiet');
    assert.ok(!quiet(), 'nobody has been told yet that there is something to connect');
    made.connect();
    assert.ok(quiet());
    made.focus();
    assert.equal(document.activeElement, made.node, 'so that the desktop gets the keys when it comes');
    assert.ok(made.node.querySelector('[aria-live]')!.textContent, 'a screen reader takes its time anyway');
    await world.upgrade();
    await world.clock.advance(PICTURE_FIRST - 1);
    assert.ok(quiet());
    await world.clock.advance(1);
    assert.ok(!quiet(), 'it takes longer');
    assert.equal(document.activeElement, buttons(made)[0]);
    await world.greet();
    await world.end(1012);
    made.connect();
    assert.ok(!quiet(), 'what could be read does not blink');
  });

  it('is drawn at once when there is something to do', async () => {
    const world = new World();
    world.answers = [new TokenRefused(404)];
    const made = viewer(world);
    made.connect();
    await settle();
    assert.deepEqual(words(made), ['Back to the list']);
    assert.ok(!made.node.querySelector('.jp-VNC-overlay')!.classList.contains('jp-mod-quiet'));
  });

  it('shows what a server says as text, never as markup', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(4502, '<img src=x onerror=alert(1)>');
    assert.equal(made.node.querySelector('.jp-VNC-detail')!.textContent, '<img src=x onerror=alert(1)>');
    assert.equal(made.node.querySelector('img'), null);
  });

  it('tells a new situation once to a screen reader, and not each second', async () => {
    const world = new World();
    const made = await connected(world);
    const live = made.node.querySelector('[aria-live]')!;
    await world.end(4502, 'Connection refused.');
    assert.equal(live.textContent, 'The desktop cannot be reached. Connection refused.');
    let changes = 0;
    made.changed.on(() => (changes += 1));
    await world.clock.advance(900);
    assert.equal(changes, 0);
  });

  it('counts down for the eyes', async () => {
    const world = new World();
    const made = viewer(world);
    made.connect();
    await settle();
    await world.end(1006);
    buttons(made)[0]!.click();
    await settle();
    await world.end(1006);
    const countdown = made.node.querySelector('.jp-VNC-countdown')!;
    assert.equal(countdown.textContent, 'Reconnecting in 2 s.');
    await world.clock.advance(1000);
    assert.equal(countdown.textContent, 'Reconnecting in 1 s.');
  });

  it('leads to the login and to the list', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(4401);
    buttons(made)[0]!.click();
    made.connect();
    await world.succeed();
    await world.end(4404);
    buttons(made)[0]!.click();
    assert.deepEqual(world.visits, ['login', 'list']);
    assert.equal(world.asked, 2);
  });
});

describe('the keyboard', () => {
  it('goes to the desktop while the canvas has the focus, and then shortcuts are kept away', async () => {
    const world = new World();
    const made = await connected(world);
    assert.equal(made.node.getAttribute('data-lm-suppress-shortcuts'), 'true');
    assert.ok(made.node.classList.contains('jp-mod-captured'));
    world.rfb.blur();
    assert.ok(!made.node.hasAttribute('data-lm-suppress-shortcuts'));
    assert.ok(!made.captured);
  });

  it('comes back by Ctrl+Alt+Shift, and no key stays down', async () => {
    const world = new World();
    const left: string[] = [];
    const made = await connected(world, { leave: () => left.push('left') });
    const released: string[] = [];
    world.rfb.canvas.addEventListener('keyup', event => released.push(event.code));
    key('keydown', 'ControlLeft', 'Control');
    key('keydown', 'AltLeft', 'Alt');
    key('keydown', 'ShiftLeft', 'Shift');
    assert.ok(made.captured);
    key('keyup', 'AltLeft', 'Alt');
    assert.ok(!made.captured);
    assert.deepEqual(left, ['left']);
    assert.deepEqual(released.sort(), ['AltLeft', 'ControlLeft', 'ShiftLeft']);
  });

  for (const [name, codes] of [
    ['Ctrl+Alt+Shift+T', ['ControlLeft', 'AltLeft', 'ShiftLeft', 'KeyT']],
    ['AltGr+Shift', ['ControlLeft', 'AltRight', 'ShiftLeft']],
    ['Ctrl+Alt', ['ControlLeft', 'AltLeft']]
  ] as const) {
    it(`stays with the desktop on ${name}`, async () => {
      const world = new World();
      const made = await connected(world);
      codes.forEach(code => key('keydown', code, 'x'));
      [...codes].reverse().forEach(code => key('keyup', code, 'x'));
      assert.ok(made.captured);
    });
  }

  it('lets go of every key when the focus is lost', async () => {
    const world = new World();
    await connected(world);
    const released: string[] = [];
    world.rfb.canvas.addEventListener('keyup', event => released.push(event.code));
    key('keydown', 'ControlLeft', 'Control');
    key('keydown', 'KeyA', 'a');
    world.rfb.blur();
    assert.deepEqual(released, ['ControlLeft', 'KeyA']);
  });

  it('tells how to leave it, the first time only', async () => {
    const world = new World();
    const made = await connected(world);
    const hint = made.node.querySelector<HTMLElement>('.jp-VNC-hint')!;
    assert.match(hint.textContent ?? '', /Ctrl\+Alt\+Shift/);
    await world.clock.advance(5000);
    assert.ok(hint.hidden);
    world.rfb.blur();
    world.rfb.focus();
    assert.ok(hint.hidden);
  });

  it('is not taken from where somebody types', async () => {
    const world = new World();
    const made = viewer(world);
    const input = document.body.appendChild(document.createElement('input'));
    made.connect();
    await settle();
    input.focus();
    await world.succeed();
    assert.equal(document.activeElement, input);
  });

  it('is given back when the desktop goes away, with the button under the finger', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1012);
    assert.ok(!made.captured);
    assert.equal(document.activeElement, buttons(made)[0]);
  });

  it('keeps the right button from every menu', async () => {
    const world = new World();
    await connected(world);
    let seen = 0;
    document.body.addEventListener('contextmenu', () => (seen += 1));
    const event = new MouseEvent('contextmenu', { bubbles: true, cancelable: true });
    world.rfb.canvas.dispatchEvent(event);
    assert.equal(seen, 0);
    assert.ok(event.defaultPrevented);
  });
});

describe('the size', () => {
  it('starts as the target says, and is remembered as the reader chose', async () => {
    for (const [resize, scaling] of [
      ['remote', 'remote'],
      ['scale', 'fit'],
      ['off', 'off']
    ] as const) {
      const world = new World();
      const settings = { ...world.options.settings, resize };
      const first = viewer(world, { settings });
      assert.equal(first.scaling, scaling);
      first.setScaling('off');
      assert.equal(viewer(world, { settings }).scaling, 'off');
      assert.equal(viewer(world, { settings, name: 'other' }).scaling, scaling);
    }
  });

  it('makes noVNC resize, scale or neither', async () => {
    const world = new World();
    const made = await connected(world);
    const states = (['remote', 'fit', 'off'] as const).map(scaling => {
      made.setScaling(scaling);
      return [world.rfb.resizeSession, world.rfb.scaleViewport];
    });
    assert.deepEqual(states, [
      [true, true],
      [false, true],
      [false, false]
    ]);
  });

  it('is never asked for while the viewer is hidden, tiny or nothing at all', async () => {
    const world = new World();
    const made = await connected(world);
    const screen = made.node.querySelector('.jp-VNC-screen')!;
    made.visible = false;
    resize(screen, 0, 0);
    FakeResizeObserver.report();
    assert.ok(!world.rfb.resizeSession);
    resize(screen, 1000, 700);
    made.visible = true;
    assert.ok(world.rfb.resizeSession);
    resize(screen, 0, 0);
    FakeResizeObserver.report();
    assert.ok(!world.rfb.resizeSession);
    resize(screen, 120, 700);
    FakeResizeObserver.report();
    assert.deepEqual(world.rfb.requests, [
      [800, 600],
      [1000, 700]
    ]);
  });
});

describe('a view-only session', () => {
  it('is what the grant says, whatever was hoped for', async () => {
    const world = new World();
    world.answers = [{ mode: 'view' }];
    const made = await connected(world);
    assert.ok(made.viewOnly);
    assert.ok(world.rfb.viewOnly);
    assert.ok(!made.captured);
    assert.equal(world.rfb.canvas.tabIndex, -1);
  });
});

describe('the clipboard', () => {
  const panel = (made: Viewer): HTMLElement => made.node.querySelector('.jp-VNC-panel')!;
  const areas = (made: Viewer): HTMLTextAreaElement[] => [...panel(made).querySelectorAll('textarea')];
  const isShown = (node: HTMLElement): boolean => node.closest('[hidden]') === null;

  it('shows what the desktop copied, and gives the desktop what the reader sends', async () => {
    const world = new World();
    const made = await connected(world);
    world.rfb.say('clipboard', { text: 'Grüße 你好 🙂' });
    made.togglePanel('clipboard');
    assert.equal(areas(made)[0]!.value, 'Grüße 你好 🙂');
    areas(made)[1]!.value = 'naïve';
    panel(made).querySelector<HTMLButtonElement>('.jp-mod-accept')!.click();
    assert.deepEqual(world.rfb.pasted, ['naïve']);
  });

  it('says so when a text is too long', async () => {
    const world = new World();
    const made = await connected(world);
    made.togglePanel('clipboard');
    areas(made)[1]!.value = 'ä'.repeat(128 * 1024 + 1);
    panel(made).querySelector<HTMLButtonElement>('.jp-mod-accept')!.click();
    assert.deepEqual(world.rfb.pasted, []);
    assert.match(panel(made).querySelector('[role=status]')!.textContent!, /256 KiB/);
  });

  const cases: ['both' | 'to-desktop' | 'from-desktop' | 'off', Mode, boolean, boolean][] = [
    ['both', 'control', true, true],
    ['both', 'view', true, false],
    ['to-desktop', 'control', false, true],
    ['to-desktop', 'view', false, false],
    ['from-desktop', 'control', true, false],
    ['off', 'control', false, false]
  ];
  for (const [clipboard, mode, from, to] of cases) {
    it(`${clipboard} in ${mode} mode shows ${from ? '' : 'not '}from and ${to ? '' : 'not '}to`, async () => {
      const world = new World();
      world.answers = [{ mode }];
      const settings = { ...world.options.settings, clipboard };
      const made = await connected(world, { settings });
      assert.equal(made.clipboardAllowed, from || to);
      world.rfb.say('clipboard', { text: 'secret' });
      made.togglePanel('clipboard');
      assert.deepEqual(areas(made).map(isShown), [from, to]);
      assert.equal(areas(made)[0]!.value, from ? 'secret' : '');
    });
  }
});

describe('keys', () => {
  it('are pressed in order and let go in reverse', async () => {
    const world = new World();
    const made = await connected(world);
    made.hands.sendKeys('ctrl-alt-del');
    assert.deepEqual(world.rfb.keys, [
      [0xffe3, 'ControlLeft', true],
      [0xffe9, 'AltLeft', true],
      [0xffff, 'Delete', true],
      [0xffff, 'Delete', false],
      [0xffe9, 'AltLeft', false],
      [0xffe3, 'ControlLeft', false]
    ]);
  });

  it('that are held are no longer shown as held when the connection is gone', async () => {
    const world = new World();
    const made = await connected(world);
    made.hands.toggleHeld('control');
    assert.ok(made.hands.isHeld('control'));
    await world.end(1006);
    assert.ok(!made.hands.isHeld('control'));
  });
});

describe('a disposed viewer', () => {
  it('leaves no socket, timer, observer, element or listener', async () => {
    const world = new World();
    const made = await connected(world);
    const { socket, rfb } = world;
    made.dispose();
    assert.ok(socket.closed);
    assert.ok(rfb.disconnected);
    assert.equal(world.clock.pending, 0);
    assert.equal(FakeResizeObserver.all.length, 0);
    assert.equal(document.querySelector('.jp-VNC'), null);
    window.dispatchEvent(new Event('online'));
    await settle();
    assert.equal(world.asked, 1);
  });
});

describe('the network', () => {
  it('that comes back makes the next attempt due', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1006);
    window.dispatchEvent(new Event('online'));
    await world.succeed();
    assert.ok(made.connected);
  });
});
