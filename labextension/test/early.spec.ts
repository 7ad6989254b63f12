import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Connection } from '../src/viewer/connection/connection';
import { Early } from '../src/viewer/connection/prefetch';
import { TokenRefused } from '../src/viewer/connection/grant';

function connection(world: World, early: Early): Connection {
  const { fetchToken, openSocket } = early;
  return new Connection({ ...world.options, fetchToken, openSocket, screen: world.screen });
}

describe('the first attempt of a page', () => {
  it('has its token and its websocket before there is anybody to connect', async () => {
    const world = new World();
    const early = new Early(world.options);
    assert.equal(world.asked, 1);
    await early.settled();
    early.open();
    assert.deepEqual(world.socket.protocols, ['binary', 'vnc.token.token-1', 'vnc.notes']);
    const made = connection(world, early);
    made.connect();
    await world.succeed();
    assert.equal(made.status.phase, 'connected');
    assert.deepEqual([world.asked, world.sockets.length], [1, 1]);
  });

  it('uses each of them once', async () => {
    const world = new World();
    const early = new Early(world.options);
    await early.settled();
    early.open();
    const made = connection(world, early);
    made.connect();
    await world.succeed();
    made.connect();
    await world.succeed();
    assert.deepEqual([world.asked, world.sockets.length], [2, 2]);
    assert.equal(world.socket.protocols[1], 'vnc.token.token-2');
  });

  it('does not keep the page waiting for a server that is slow, and opens the websocket later', async () => {
    const world = new World();
    let give = (): void => undefined;
    const slow = new Promise<void>(resolve => (give = resolve));
    const early = new Early({
      ...world.options,
      fetchToken: (signal, takeover) => slow.then(() => world.options.fetchToken(signal, takeover))
    });
    await early.settled();
    early.open();
    assert.equal(world.sockets.length, 0);
    const made = connection(world, early);
    made.connect();
    assert.equal(made.status.phase, 'asking');
    give();
    await world.succeed();
    assert.equal(made.status.phase, 'connected');
  });

  it('tells of a refusal when somebody connects', async () => {
    const world = new World();
    world.answers = [new TokenRefused(404)];
    const early = new Early(world.options);
    await early.settled();
    early.open();
    assert.equal(world.sockets.length, 0);
    const made = connection(world, early);
    made.connect();
    await settle();
    assert.equal(made.status.phase, 'stopped');
  });
});

describe('a desktop that is quicker than noVNC', () => {
  it('is heard from its first byte, once', async () => {
    const world = new World();
    let load = (): void => undefined;
    const loading = new Promise<void>(resolve => (load = resolve));
    const heard: unknown[] = [];
    const made = new Connection({
      ...world.options,
      screen: world.screen,
      loadRFB: async () => {
        await loading;
        const RFB = await world.options.loadRFB();
        return class extends RFB {
          constructor(target: HTMLElement, channel: WebSocket) {
            super(target, channel);
            channel.onmessage = ({ data }) => void heard.push(data);
          }
        };
      }
    });
    made.connect();
    await world.upgrade();
    const say = (data: string): boolean =>
      world.socket.dispatchEvent(new MessageEvent('message', { data: new TextEncoder().encode(data) }));
    say('RFB 003.008\n');
    assert.equal(made.status.phase, 'connecting');
    load();
    await settle();
    assert.equal(made.status.phase, 'starting');
    say('more');
    assert.deepEqual(
      heard.map(data => new TextDecoder().decode(data as Uint8Array)),
      ['RFB 003.008\n', 'more']
    );
    await world.greet();
    assert.equal(made.status.phase, 'connected');
  });

  it('is not drawn when it has closed by then', async () => {
    const world = new World();
    let load = (): void => undefined;
    const loading = new Promise<void>(resolve => (load = resolve));
    const made = new Connection({
      ...world.options,
      screen: world.screen,
      loadRFB: () => loading.then(() => world.options.loadRFB())
    });
    made.connect();
    await world.upgrade();
    await world.end(4403);
    const { state } = made.status;
    load();
    await settle();
    assert.equal(made.status.state, state);
    assert.equal(world.screen.querySelector('canvas'), null);
  });
});
