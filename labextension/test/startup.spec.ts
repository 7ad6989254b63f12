import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { TokenRefused } from '../src/viewer/connection/grant';
import type { IManaged } from '../src/viewer/connection/startup';
import { STARTUP_INTERVAL } from '../src/viewer/connection/startup';
import { Viewer } from '../src/viewer/viewer';

/** A desktop whose news and log are the test's. */
class FakeDesktop implements IManaged {
  asked = 0;
  said: string | null = 'starting X';
  text = '';
  fails = false;

  readonly logPage = '/vnc/api/desktops/lab/log';
  readonly actions: string[] = [];
  refuses: TokenRefused | null = null;

  start = (action: string): Promise<void> => {
    this.actions.push(action);
    return this.refuses ? Promise.reject(this.refuses) : Promise.resolve();
  };

  news = (): Promise<string | null> => {
    this.asked += 1;
    return this.fails ? Promise.reject(new Error('no answer')) : Promise.resolve(this.said);
  };

  log = (): Promise<string> => Promise.resolve(this.text);
}

function starting(desktop: FakeDesktop): [World, Viewer] {
  const world = new World();
  const made = new Viewer({ ...world.options, desktop });
  document.body.append(made.node);
  return [world, made];
}

const shown = (made: Viewer, part: string): string | null => {
  const node = made.node.querySelector<HTMLElement>(`.jp-VNC-${part}`)!;
  return node.hidden ? null : node.textContent;
};

beforeEach(() => document.body.replaceChildren());

describe('a desktop that is being started', () => {
  it('says how far it is, until it is there', async () => {
    const desktop = new FakeDesktop();
    const [world, made] = starting(desktop);
    made.connect();
    await world.upgrade();
    assert.equal(made.status.phase, 'starting');
    await world.clock.advance(STARTUP_INTERVAL);
    assert.equal(shown(made, 'detail'), 'Starting the X server…');
    desktop.said = 'starting session';
    await world.clock.advance(STARTUP_INTERVAL);
    assert.equal(shown(made, 'detail'), 'Starting the desktop session…');
    desktop.said = 'polishing the icons';
    await world.clock.advance(STARTUP_INTERVAL);
    assert.equal(shown(made, 'detail'), 'polishing the icons');
    await world.greet();
    const { asked } = desktop;
    await world.clock.advance(10 * STARTUP_INTERVAL);
    assert.equal(desktop.asked, asked);
    made.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('is not asked for when it starts at once, nor again when it is not the server’s', async () => {
    const desktop = new FakeDesktop();
    const [world, made] = starting(desktop);
    made.connect();
    await world.succeed();
    assert.equal(desktop.asked, 0);
    desktop.said = null;
    made.connect();
    await world.upgrade();
    await world.clock.advance(5 * STARTUP_INTERVAL);
    assert.equal(desktop.asked, 1);
    assert.equal(shown(made, 'detail'), null);
    made.dispose();
  });

  it('leaves the sentence as it is when nobody answers', async () => {
    const desktop = new FakeDesktop();
    desktop.fails = true;
    const [world, made] = starting(desktop);
    made.connect();
    await world.upgrade();
    await world.clock.advance(STARTUP_INTERVAL);
    assert.equal(shown(made, 'detail'), null);
    made.dispose();
  });
});

describe('a desktop that failed to start', () => {
  it('shows the last lines of its log, and where the whole is', async () => {
    const desktop = new FakeDesktop();
    desktop.text = Array.from({ length: 20 }, (_, line) => `line ${line}`).join('\n') + '\n';
    const [world, made] = starting(desktop);
    made.connect();
    await world.upgrade();
    await world.end(4505, 'The X server did not start: no screens found');
    await settle();
    assert.equal(shown(made, 'detail'), 'The X server did not start: no screens found');
    const more = made.node.querySelector<HTMLDetailsElement>('details')!;
    assert.ok(!more.hidden && !more.open && more.contains(made.node.querySelector('.jp-VNC-log')));
    assert.ok(!more.contains(made.node.querySelector('.jp-VNC-detail')));
    more.open = true;
    assert.equal(shown(made, 'log')?.split('\n').length, 8);
    assert.ok(shown(made, 'log')?.endsWith('line 19'));
    const link = made.node.querySelector<HTMLAnchorElement>('.jp-VNC-link')!;
    assert.ok(!link.hidden);
    assert.equal(link.getAttribute('href'), desktop.logPage);
    made.connect();
    assert.equal(shown(made, 'log'), null);
    assert.ok(link.hidden && more.hidden && !more.open);
    made.dispose();
  });

  const failed = async (desktop: FakeDesktop): Promise<[World, Viewer]> => {
    const [world, made] = starting(desktop);
    made.connect();
    await world.upgrade();
    await world.end(4505, 'This desktop failed 3 times.');
    return [world, made];
  };
  const press = (made: Viewer): void =>
    made.node.querySelector<HTMLElement>('.jp-VNC-buttons button')!.click();

  it('is started by the button, whatever the server refuses to do by itself', async () => {
    const desktop = new FakeDesktop();
    const [world, made] = await failed(desktop);
    press(made);
    assert.equal(made.status.phase, 'starting');
    await settle();
    assert.deepEqual(desktop.actions, ['start']);
    await world.upgrade();
    await world.greet();
    assert.equal(made.status.phase, 'connected');
    made.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('is said to have failed again when it does, and is not retried', async () => {
    const desktop = new FakeDesktop();
    desktop.refuses = new TokenRefused(502, 'no screens found');
    const [, made] = await failed(desktop);
    press(made);
    await settle();
    assert.equal(made.status.state, 'desktop-failed');
    assert.equal(made.status.detail, 'no screens found');
    assert.equal(made.status.remedy, 'again');
    made.dispose();
  });

  it('is connected to by somebody who may not start it', async () => {
    const desktop = new FakeDesktop();
    desktop.refuses = new TokenRefused(403, 'You may not start or stop this desktop.');
    const [world, made] = await failed(desktop);
    press(made);
    await settle();
    await world.upgrade();
    await world.greet();
    assert.equal(made.status.phase, 'connected');
    made.dispose();
  });

  it('does not connect when the reader has cancelled meanwhile', async () => {
    const desktop = new FakeDesktop();
    const [, made] = await failed(desktop);
    press(made);
    made.disconnect();
    await settle();
    assert.equal(made.status.phase, 'idle');
    made.dispose();
  });

  it('shows nothing more when there is no log', async () => {
    const [world, made] = starting(new FakeDesktop());
    made.connect();
    await world.upgrade();
    await world.end(4505);
    await settle();
    assert.equal(shown(made, 'log'), null);
    made.dispose();
  });
});

describe('a desktop that runs', () => {
  it('is restarted once the reader has confirmed it', async () => {
    const desktop = new FakeDesktop();
    const world = new World();
    const made = new Viewer({ ...world.options, desktop, mayRestart: true });
    document.body.append(made.node);
    made.connect();
    await world.succeed();
    const answer = (which: string): void => document.querySelector<HTMLElement>(`dialog ${which}`)!.click();
    made.restart!();
    answer('.jp-VNC-button:not(.jp-mod-accept)');
    await settle();
    assert.deepEqual(desktop.actions, []);
    assert.equal(made.status.phase, 'connected');
    made.restart!();
    answer('.jp-mod-accept');
    await settle();
    assert.deepEqual(desktop.actions, ['restart']);
    await world.succeed();
    assert.equal(made.status.phase, 'connected');
    made.dispose();
  });

  it('is not restarted by somebody who may not', () => {
    const made = new Viewer({ ...new World().options, desktop: new FakeDesktop() });
    assert.equal(made.restart, undefined);
    made.dispose();
  });
});
