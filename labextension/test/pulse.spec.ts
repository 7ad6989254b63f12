import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import { QUIET, SILENCE } from '../src/viewer/connection/liveness';
import { Viewer } from '../src/viewer/viewer';

/** The non-incremental request for the pixel in the corner (RFC 6143, 7.5.3). */
const PIXEL = [3, 0, 0, 0, 0, 0, 0, 1, 0, 1];

beforeEach(() => document.body.replaceChildren());

/** A viewer that is connected, with what it sends, and a server that answers its probes or does not. */
async function connected(answer: () => Promise<unknown>) {
  const world = new World();
  Object.assign(world.options, { probe: answer });
  const viewer = new Viewer(world.options);
  viewer.preferences.set({ adaptive: false });
  document.body.append(viewer.node);
  viewer.connect();
  await world.succeed();
  const sent: number[][] = [];
  const send = (data: ArrayBuffer): void => void sent.push([...new Uint8Array(data)]);
  Object.assign(world.socket, { readyState: 1, send });
  return { world, viewer, sent };
}

const picture = (world: World): void =>
  void world.socket.dispatchEvent(Object.assign(new Event('message'), { data: new ArrayBuffer(20) }));

const fails = (): Promise<never> => Promise.reject(new TypeError('Failed to fetch'));
const answers = (): Promise<number> => Promise.resolve(200);
const hangs = (): Promise<never> => new Promise(() => undefined);

describe('the pulse of a connection', () => {
  it('asks nobody while pictures come', async () => {
    const { world, viewer, sent } = await connected(fails);
    for (let second = 0; second < 60; second += 1) {
      picture(world);
      await world.clock.advance(1000);
    }
    assert.deepEqual(sent, []);
    assert.equal(viewer.status.phase, 'connected');
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('asks a quiet desktop for a pixel, and is content with it', async () => {
    const { world, viewer, sent } = await connected(fails);
    for (let round = 0; round < 10; round += 1) {
      await world.clock.advance(QUIET);
      picture(world);
    }
    assert.ok(sent.length >= 3);
    assert.deepEqual(sent[0], PIXEL);
    assert.equal(viewer.status.phase, 'connected');
    viewer.dispose();
  });

  for (const [how, answer] of [
    ['fails', fails],
    ['never comes', hangs]
  ] as const) {
    it(`stops when neither answers, where the answer ${how}`, async () => {
      const { world, viewer } = await connected(answer);
      await world.clock.advance(3 * QUIET - 1);
      assert.equal(viewer.status.phase, 'connected');
      await world.clock.advance(1);
      assert.equal(viewer.status.state, 'lost');
      assert.ok(world.sockets[0]!.closed);
      await world.clock.advance(1000);
      assert.equal(world.sockets.length, 2, 'it tries again');
      viewer.dispose();
    });
  }

  it('gives a desktop that is slow a minute while the server answers', async () => {
    const { world, viewer } = await connected(answers);
    await world.clock.advance(SILENCE);
    assert.equal(viewer.status.phase, 'connected');
    await world.clock.advance(QUIET);
    assert.equal(viewer.status.state, 'lost');
    viewer.dispose();
  });

  it('is not felt while nobody looks, and is at once when somebody comes back', async () => {
    const { world, viewer, sent } = await connected(fails);
    viewer.visible = false;
    await world.clock.advance(SILENCE);
    assert.equal(sent.filter(message => message[0] === PIXEL[0]).length, 0);
    viewer.visible = true;
    await settle();
    assert.deepEqual(sent.at(-1), PIXEL);
    viewer.dispose();
  });
});
