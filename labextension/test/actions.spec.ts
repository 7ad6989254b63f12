import { FakeResizeObserver } from './dom';
import { World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { createActions } from '../src/viewer/toolbar/actions';
import { openMenu } from '../src/viewer/ui/menu';
import { english } from '../src/viewer/ui/i18n';
import { PageToolbar } from '../src/viewer/toolbar/toolbar';
import { Viewer } from '../src/viewer/viewer';

beforeEach(() => {
  document.body.replaceChildren();
  FakeResizeObserver.all = [];
});

function page(world: World): { viewer: Viewer; toolbar: PageToolbar } {
  const viewer = new Viewer(world.options);
  const toolbar = new PageToolbar(viewer, english, []);
  document.body.append(toolbar.node, viewer.node);
  return { viewer, toolbar };
}

const tool = (id: string): HTMLButtonElement => document.querySelector(`[data-action="${id}"]`)!;

const menuItems = (): HTMLButtonElement[] => [
  ...document.querySelectorAll<HTMLButtonElement>('[role=menu] button')
];

const choose = (label: string): void =>
  menuItems()
    .find(item => item.textContent === label)!
    .click();

function press(name: string): void {
  document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }));
}

describe('the table of actions', () => {
  it('has an own name, a label and a drawing for each, and a way to act', () => {
    const actions = createActions(english);
    assert.equal(new Set(actions.map(action => action.id)).size, actions.length);
    for (const action of actions) {
      assert.ok(action.label(null).length > 0);
      assert.match(action.icon(null), /^<svg .*<\/svg>$/);
      assert.notEqual(action.run === undefined, action.items === undefined, action.id);
    }
  });
});

describe('the toolbar', () => {
  it('says the state, and offers what the state allows', async () => {
    const world = new World();
    const { viewer, toolbar } = page(world);
    const state = toolbar.node.querySelector('.jp-VNC-state')!;
    assert.equal(state.textContent, 'Not connected');
    assert.ok(tool('keys').disabled && tool('clipboard').disabled && tool('screenshot').disabled);
    assert.equal(tool('toggle-connection').title, 'Connect');
    viewer.connect();
    await world.succeed();
    assert.equal(state.textContent, 'Connected');
    assert.ok(!tool('keys').disabled && !tool('clipboard').disabled && !tool('screenshot').disabled);
    assert.equal(tool('toggle-connection').title, 'Disconnect');
    tool('toggle-connection').click();
    assert.equal(state.textContent, 'Not connected');
  });

  it('hides what only serves input from whoever may only look', async () => {
    const world = new World();
    world.answers = [{ mode: 'view' }];
    const { viewer } = page(world);
    viewer.connect();
    await world.succeed();
    assert.ok(tool('keys').hidden);
    assert.equal(document.querySelector('.jp-VNC-state')!.textContent, 'Connected, view only');
    tool('scaling').click();
    assert.deepEqual(
      menuItems().map(item => item.disabled),
      [true, false, false, true]
    );
  });

  it('does not offer a browser tab to a page that is one', () => {
    page(new World());
    assert.ok(tool('open-in-browser').hidden);
  });

  it('chooses the size', async () => {
    const { viewer } = page(new World());
    tool('scaling').click();
    assert.deepEqual(
      menuItems().map(item => item.getAttribute('aria-checked')),
      ['true', 'false', 'false', 'false']
    );
    choose('Actual size (100 %)');
    assert.equal(viewer.scaling, 'off');
    assert.equal(menuItems().length, 0);
  });

  it('sends keys, and holds modifiers until they are let go', async () => {
    const world = new World();
    const { viewer } = page(world);
    viewer.connect();
    await world.succeed();
    tool('keys').click();
    choose('Ctrl+W');
    assert.deepEqual(
      world.rfb.keys.map(([keysym, , down]) => [keysym, down]),
      [
        [0xffe3, true],
        [0x77, true],
        [0x77, false],
        [0xffe3, false]
      ]
    );
    world.rfb.keys = [];
    for (let turn = 0; turn < 2; turn += 1) {
      tool('keys').click();
      choose('Hold Alt');
    }
    assert.deepEqual(world.rfb.keys, [
      [0xffe9, 'AltLeft', true],
      [0xffe9, 'AltLeft', false]
    ]);
  });

  it('keeps what has no room in a menu', () => {
    const { toolbar } = page(new World());
    const room = (width: number): void => {
      Object.defineProperty(toolbar.node, 'clientWidth', { value: width, configurable: true });
      Object.defineProperty(toolbar.node, 'scrollWidth', {
        get: () => toolbar.node.querySelectorAll('button:not([hidden])').length * 40,
        configurable: true
      });
      FakeResizeObserver.report();
    };
    const shown = (): string[] =>
      [...toolbar.node.querySelectorAll<HTMLElement>('button:not([hidden])')].map(node => node.title);
    room(400);
    const all = shown();
    assert.ok(!all.includes('More'));
    room(120);
    assert.deepEqual(shown(), [...all.slice(0, 2), 'More']);
    toolbar.node.querySelector<HTMLButtonElement>('[title=More]')!.click();
    assert.deepEqual(
      menuItems().map(item => item.textContent),
      all.slice(2)
    );
  });

  it('keeps its drawings in place, so that no press is lost', async () => {
    const world = new World();
    const { viewer } = page(world);
    viewer.connect();
    await world.succeed();
    const drawn = tool('keys').firstElementChild;
    world.rfb.blur();
    assert.equal(tool('keys').firstElementChild, drawn);
  });

  it('stops watching when it is disposed', () => {
    const { viewer, toolbar } = page(new World());
    toolbar.dispose();
    viewer.connect();
    assert.equal(toolbar.node.querySelector('.jp-VNC-state')!.textContent, 'Not connected');
  });
});

describe('a menu', () => {
  it('is walked by the keyboard, and gives the focus back', () => {
    const anchor = document.body.appendChild(document.createElement('button'));
    const ran: string[] = [];
    const items = ['one', 'two', 'three'].map(label => ({ label, run: () => ran.push(label) }));
    openMenu(anchor, 'Menu', items);
    assert.equal(anchor.getAttribute('aria-expanded'), 'true');
    const walked = ['ArrowDown', 'End', 'ArrowDown', 'ArrowUp', 'Home'].map(name => {
      press(name);
      return document.activeElement!.textContent;
    });
    assert.deepEqual(walked, ['two', 'three', 'one', 'three', 'one']);
    press('Escape');
    assert.equal(document.activeElement, anchor);
    assert.equal(anchor.getAttribute('aria-expanded'), 'false');
    assert.deepEqual(ran, []);
  });

  it('closes on a press elsewhere', () => {
    const anchor = document.body.appendChild(document.createElement('button'));
    openMenu(anchor, 'Menu', [{ label: 'one', run: () => undefined }]);
    document.body.dispatchEvent(new PointerEvent('pointerdown', { bubbles: true }));
    assert.equal(menuItems().length, 0);
  });
});
