import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { type IPlayer, LEAD, MOST, place } from '../src/viewer/sound/player';
import { Sound } from '../src/viewer/sound/sound';
import { createActions } from '../src/viewer/toolbar/actions';
import { english } from '../src/viewer/ui/i18n';
import { Viewer } from '../src/viewer/viewer';

const GRANT = {
  token: 's',
  expires_in: 30,
  websocket: '/vnc/stream',
  target: 'lab-1',
  mode: 'view'
} as const;

class FakePlayer implements IPlayer {
  volume = 1;
  closed = false;
  readonly played: [number, number[]][] = [];

  play(time: number, packet: Uint8Array): void {
    this.played.push([time, [...packet]]);
  }

  close(): void {
    this.closed = true;
  }
}

/** A sound whose server grants, unless a test says otherwise. */
function made(world: World, more: object = {}) {
  const players: FakePlayer[] = [];
  const said: string[] = [];
  const sent: number[][] = [];
  const asked: string[] = [];
  const sound = new Sound({
    ...world.options,
    openSocket: (path, protocols) =>
      Object.assign(world.options.openSocket(path, protocols), {
        send: (data: Uint8Array) => sent.push([...data])
      }),
    fetchStream: async session => {
      asked.push(session);
      return GRANT;
    },
    tell: sentence => said.push(sentence),
    volume: () => 0.5,
    makePlayer: () => players[players.push(new FakePlayer()) - 1]!,
    canPlay: () => true,
    ...more
  });
  return { sound, players, said, sent, asked };
}

const packet = (kind: number, ...rest: number[]): MessageEvent =>
  new MessageEvent('message', { data: new Uint8Array([kind, ...rest]).buffer });

beforeEach(() => document.body.replaceChildren());

describe('the sound of a desktop', () => {
  it('is off until the reader switches it on, and asks for nothing before', async () => {
    const world = new World();
    const { sound, players, asked } = made(world);
    sound.live = true;
    await settle();
    assert.deepEqual([sound.on, players.length, asked.length], [false, 0, 0]);
  });

  it('opens a websocket of its own, says that it wants sound, and plays what comes', async () => {
    const world = new World();
    const { sound, players, sent } = made(world);
    sound.live = true;
    sound.toggle();
    await settle();
    assert.equal(world.socket.path, '/vnc/stream');
    assert.deepEqual(world.socket.protocols, ['binary', 'vnc.token.s']);
    world.socket.open();
    assert.deepEqual(sent, [[18, 1]]);
    world.socket.dispatchEvent(packet(3, 1));
    world.socket.dispatchEvent(packet(2, 0, 0, 4, 0, 9, 8));
    world.socket.dispatchEvent(packet(2));
    world.socket.dispatchEvent(packet(77, 0, 0, 0, 0, 1));
    assert.deepEqual(players[0]!.played, [[1024, [9, 8]]]);
    assert.equal(players[0]!.volume, 0.5);
  });

  it('lets go of everything when it is switched off', async () => {
    const world = new World();
    const { sound, players } = made(world);
    sound.live = true;
    sound.toggle();
    await settle();
    sound.toggle();
    assert.deepEqual([sound.on, world.socket.closed, players[0]!.closed], [false, true, true]);
    world.socket.dispatchEvent(packet(2, 0, 0, 0, 0, 1));
    assert.equal(players[0]!.played.length, 0);
    assert.equal(world.clock.pending, 0);
  });

  it('opens nothing for a grant that came too late', async () => {
    const world = new World();
    let grant = (_: typeof GRANT): void => undefined;
    const { sound } = made(world, { fetchStream: () => new Promise(resolve => (grant = resolve)) });
    sound.live = true;
    sound.toggle();
    sound.toggle();
    grant(GRANT);
    await settle();
    assert.equal(world.sockets.length, 0);
  });

  it('goes with the desktop, and comes back with it', async () => {
    const world = new World();
    const { sound, asked } = made(world);
    sound.session = 'first';
    sound.live = true;
    sound.toggle();
    await settle();
    sound.live = false;
    assert.deepEqual([world.sockets.length, world.socket.closed, sound.on], [1, true, true]);
    sound.session = 'second';
    sound.live = true;
    await settle();
    assert.equal(world.sockets.length, 2);
    assert.deepEqual(asked, ['first', 'second']);
  });

  it('tries again when it ends, some times, and says that there is none', async () => {
    const world = new World();
    const { sound, players, said } = made(world);
    sound.live = true;
    sound.toggle();
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await settle();
      assert.equal(world.sockets.length, attempt);
      world.socket.end(4502);
      await world.clock.advance(30000);
    }
    assert.deepEqual([sound.on, players[0]!.closed], [false, true]);
    assert.deepEqual(said, ['The desktop has no sound at present.']);
    assert.equal(world.clock.pending, 0);
  });

  it('counts failures anew once something was heard', async () => {
    const world = new World();
    const { sound } = made(world);
    sound.live = true;
    sound.toggle();
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await settle();
      world.socket.dispatchEvent(packet(2, 0, 0, 0, 0, 1));
      world.socket.end(1006);
      await world.clock.advance(30000);
    }
    assert.equal(sound.on, true);
    sound.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('counts failures anew, and waits as short as at first, once the server says that it is heard', async () => {
    const world = new World();
    const { sound } = made(world);
    sound.live = true;
    sound.toggle();
    for (let attempt = 1; attempt <= 8; attempt += 1) {
      await settle();
      assert.equal(world.sockets.length, attempt);
      world.socket.dispatchEvent(packet(3, 1));
      world.socket.end(1006);
      await world.clock.advance(1000);
    }
    sound.dispose();
  });

  it('waits as short as at first after it was switched off and on, or the desktop came back', async () => {
    const world = new World();
    const { sound } = made(world);
    sound.live = true;
    sound.toggle();
    const again = [() => (sound.toggle(), sound.toggle()), () => ((sound.live = false), (sound.live = true))];
    for (const renew of again) {
      for (let failure = 0; failure < 2; failure += 1) {
        await settle();
        world.socket.end(1006);
        await world.clock.advance(30000);
      }
      renew();
      await settle();
      const before = world.sockets.length;
      world.socket.end(1006);
      await world.clock.advance(1000);
      await settle();
      assert.equal(world.sockets.length, before + 1);
    }
    sound.dispose();
  });

  it('says once that the desktop is not heard for now, and stays on', async () => {
    const world = new World();
    const { sound, said } = made(world);
    sound.live = true;
    sound.toggle();
    await settle();
    for (const heard of [1, 0, 0]) {
      world.socket.dispatchEvent(packet(3, heard));
    }
    assert.deepEqual([sound.on, said], [true, ['The desktop has no sound at present.']]);
    sound.dispose();
  });

  it('tries no more once the server says that there is none', async () => {
    const world = new World();
    const { sound, said } = made(world);
    sound.live = true;
    sound.toggle();
    await settle();
    world.socket.end(4505);
    assert.deepEqual([sound.on, said], [false, ['The desktop has no sound at present.']]);
    assert.equal(world.clock.pending, 0);
  });

  it('survives a refused token as well', async () => {
    const world = new World();
    const { sound, said } = made(world, { fetchStream: () => Promise.reject(new Error('refused')) });
    sound.live = true;
    sound.toggle();
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await settle();
      await world.clock.advance(30000);
    }
    assert.deepEqual([sound.on, said.length], [false, 1]);
  });
});

describe('where a piece of sound is put', () => {
  for (const [what, now, end, at] of [
    ['a little ahead, after a silence', 10, 3, 10 + LEAD],
    ['behind the last', 10, 10.08, 10.08],
    ['nowhere, once too much waits', 10, 10 + MOST + 0.001, null]
  ] as const) {
    it(what, () => assert.equal(place(now, end), at));
  }

  it('never lets the delay grow, whatever comes at once', () => {
    let end = 0;
    for (let piece = 0; piece < 500; piece += 1) {
      end = (place(1, end) ?? end - 0.02) + 0.02;
    }
    assert.ok(end <= 1 + MOST + 0.02);
  });
});

describe('the button', () => {
  const action = createActions(english).find(({ id }) => id === 'sound')!;

  it('is there only where the desktop has sound', () => {
    for (const offered of [true, false]) {
      const world = new World();
      const viewer = new Viewer({ ...world.options, fetchStream: offered ? async () => GRANT : undefined });
      assert.equal(action.isVisible!(viewer), offered);
      viewer.togglePanel('settings');
      assert.equal(viewer.node.querySelector('[name=volume]') !== null, offered);
      viewer.dispose();
    }
  });

  it('names the session that the server has told the viewer of', async () => {
    const world = new World();
    const viewer = new Viewer({ ...world.options, fetchStream: async () => GRANT });
    viewer.connect();
    await settle();
    world.socket.open();
    world.socket.note({ kind: 'session', id: '0123456789abcdef' });
    assert.equal(viewer.extras.sound.session, '0123456789abcdef');
    world.socket.note({ kind: 'session', id: 7 });
    assert.equal(viewer.extras.sound.session, '0123456789abcdef');
    viewer.dispose();
  });

  it('says why it does nothing, where the browser cannot play', async () => {
    const world = new World();
    const viewer = new Viewer({ ...world.options, fetchStream: async () => GRANT });
    viewer.connect();
    await world.succeed();
    assert.equal(action.isEnabled(viewer), false);
    assert.match(action.label(viewer), /https/);
    viewer.dispose();
  });

  it('keeps its name, and is pressed while it is on', () => {
    const sound = { offered: true, able: true, on: false, toggle: () => (sound.on = !sound.on) };
    const viewer = { connected: true, extras: { sound } } as unknown as Viewer;
    assert.deepEqual([action.label(viewer), action.isPressed!(viewer)], ['Sound', false]);
    const silent = action.icon(viewer);
    action.run!(viewer);
    assert.deepEqual([action.label(viewer), action.isPressed!(viewer)], ['Sound', true]);
    assert.notEqual(action.icon(viewer), silent);
  });
});
