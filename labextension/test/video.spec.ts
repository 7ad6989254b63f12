import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import type { IPicture } from '../src/viewer/engine/surface';
import type { VideoMode } from '../src/viewer/preferences';
import { type Ability, codecOf, Decoder, type IDecoder, type IEncoded } from '../src/viewer/video/decoder';
import { Video } from '../src/viewer/video/video';

const GRANT = {
  token: 's',
  expires_in: 30,
  websocket: '/vnc/stream',
  target: 'lab-1',
  mode: 'view'
} as const;

const message = (...bytes: number[]): MessageEvent =>
  new MessageEvent('message', { data: new Uint8Array(bytes).buffer });

/** A key frame of 640 x 480, and one after it. */
const FIRST = message(1, 1, 2, 128, 1, 224, 9);
const NEXT = message(1, 0, 2, 128, 1, 224, 8);
const VIDEO = message(4, 1);
const RFB = message(4, 0);

const picture = (): IPicture & { closed: boolean } => ({
  displayWidth: 640,
  displayHeight: 480,
  closed: false,
  close() {
    this.closed = true;
  }
});

/** A decoder of which a test says what it brings. */
class FakeDecoder implements IDecoder {
  constructor(
    readonly decoded: (shown: IPicture) => void,
    readonly failed: (error: unknown) => void
  ) {}

  closed = false;
  takes = true;
  queued = 0;
  readonly got: IEncoded[] = [];

  decode(one: IEncoded): boolean {
    this.got.push(one);
    return this.takes;
  }

  close(): void {
    this.closed = true;
  }
}

/** Video whose server grants, unless a test says otherwise. */
function made(world: World, can: Ability = 'able', more: object = {}) {
  const all = {
    mode: 'auto' as VideoMode,
    sent: [] as number[][],
    shown: [] as IPicture[],
    again: [] as boolean[],
    asked: [] as string[],
    decoders: [] as FakeDecoder[]
  };
  const video = new Video({
    ...world.options,
    openSocket: (path, protocols) =>
      Object.assign(world.options.openSocket(path, protocols), {
        readyState: 1,
        send: (data: Uint8Array) => all.sent.push([...data])
      }),
    fetchVideo: async session => {
      all.asked.push(session);
      return GRANT;
    },
    mode: () => all.mode,
    show: shown => all.shown.push(shown),
    again: whole => all.again.push(whole),
    count: () => undefined,
    makeDecoder: (...on) => all.decoders[all.decoders.push(new FakeDecoder(...on)) - 1]!,
    ability: async () => can,
    ...more
  });
  return Object.assign(all, { video });
}

/** The same, connected. */
async function connected(world: World, more: object = {}) {
  const all = made(world, 'able', more);
  all.video.session = 'one';
  all.video.live = true;
  await settle();
  await world.clock.advance(400);
  world.socket.open();
  return all;
}

/** The same, while it moves. */
async function moving(world: World) {
  const all = await connected(world);
  world.socket.dispatchEvent(FIRST);
  all.decoders[0]!.decoded(picture());
  world.socket.dispatchEvent(VIDEO);
  return all;
}

beforeEach(() => document.body.replaceChildren());

describe('the video of a desktop', () => {
  it('has a websocket of its own beside a session that is there, and says when it is wanted', async () => {
    const world = new World();
    const all = await connected(world);
    assert.deepEqual(all.asked, ['one']);
    assert.equal(world.socket.path, '/vnc/stream');
    assert.deepEqual(world.socket.protocols, ['binary', 'vnc.token.s']);
    assert.deepEqual(all.sent, [[19, 0]]);
    all.mode = 'always';
    all.video.apply();
    all.video.apply();
    assert.deepEqual(all.sent, [
      [19, 0],
      [19, 1]
    ]);
    assert.equal(all.video.way, 'single pictures: not much moves');
  });

  it('waits for the first picture of RFB', async () => {
    const world = new World();
    const all = made(world);
    all.video.session = 'one';
    all.video.live = true;
    await settle();
    assert.equal(all.asked.length, 0);
    await world.clock.advance(400);
    assert.equal(all.asked.length, 1);
  });

  it('shows what moves, says that it was seen, and has RFB asked for less', async () => {
    const world = new World();
    const all = await connected(world);
    world.socket.dispatchEvent(FIRST);
    world.socket.dispatchEvent(NEXT);
    const [decoder] = all.decoders;
    assert.deepEqual(
      decoder!.got.map(({ isKey, width, height, data }) => [isKey, width, height, ...data]),
      [
        [true, 640, 480, 9],
        [false, 640, 480, 8]
      ]
    );
    assert.deepEqual(all.sent, [[19, 0]]);
    const seen = picture();
    decoder!.decoded(seen);
    assert.deepEqual(all.shown, [seen]);
    assert.deepEqual(all.sent.at(-1), [17]);
    assert.deepEqual(all.again, []);
    world.socket.dispatchEvent(VIDEO);
    assert.deepEqual(all.again, [false]);
    assert.deepEqual([all.video.way, all.video.encoding], ['video', 'H.264']);
  });

  it('has RFB asked for all when it rests', async () => {
    const world = new World();
    const all = await moving(world);
    world.socket.dispatchEvent(RFB);
    assert.deepEqual(all.again, [false, true]);
    assert.equal(all.decoders[0]!.closed, true);
    assert.deepEqual([all.video.way, all.video.encoding], ['single pictures: not much moves', '']);
    // Nothing was drawn since.
    world.socket.dispatchEvent(RFB);
    assert.deepEqual(all.again, [false, true]);
    world.socket.dispatchEvent(FIRST);
    assert.equal(all.decoders.length, 2);
  });

  it('has RFB asked for all when it rests before a picture was drawn', async () => {
    const world = new World();
    const all = await connected(world);
    world.socket.dispatchEvent(VIDEO);
    world.socket.dispatchEvent(RFB);
    assert.deepEqual(all.again, [false, true]);
  });

  it('has RFB asked for all when the decoder fails before a picture was drawn', async () => {
    const world = new World();
    const all = await connected(world);
    const { error } = console;
    console.error = () => undefined;
    world.socket.dispatchEvent(FIRST);
    world.socket.dispatchEvent(VIDEO);
    all.decoders[0]!.failed(new Error('broken'));
    console.error = error;
    assert.deepEqual(all.again, [false, true]);
    await world.clock.advance(1000);
    assert.deepEqual(all.again, [false, true, true]);
  });

  it('has RFB asked for all if it ended while nobody looked, too', async () => {
    const world = new World();
    const all = await moving(world);
    world.socket.end(1006);
    assert.deepEqual(all.again, [false, true]);
    // What is asked for while nobody looks comes to nothing.
    all.video.live = false;
    await world.clock.advance(60000);
    const before = all.again.length;
    all.video.live = true;
    assert.deepEqual(all.again.slice(before), [true]);
  });

  it('asks for a key frame where the decoder needs one', async () => {
    const world = new World();
    const all = await moving(world);
    all.decoders[0]!.takes = false;
    all.sent.length = 0;
    world.socket.dispatchEvent(NEXT);
    assert.deepEqual(all.sent, [[17], [16]]);
    // Those that are on their way meanwhile are no reason to ask again.
    world.socket.dispatchEvent(NEXT);
    assert.deepEqual(all.sent, [[17], [16], [17]]);
  });

  it('asks for a key frame no sooner than a browser that is slow can decode it, and again for the next', async () => {
    const world = new World();
    const all = await moving(world);
    const [decoder] = all.decoders as [FakeDecoder];
    Object.assign(decoder, { takes: false, queued: 9 });
    all.sent.length = 0;
    world.socket.dispatchEvent(NEXT);
    world.socket.dispatchEvent(NEXT);
    decoder.queued = 4;
    decoder.decoded(picture());
    assert.deepEqual(all.sent, [[17], [17], [17]]);
    decoder.queued = 1;
    decoder.decoded(picture());
    decoder.decoded(picture());
    assert.deepEqual(all.sent.slice(3), [[17], [16], [17]]);
    // It has come, and is too much, too.
    world.socket.dispatchEvent(FIRST);
    assert.deepEqual(all.sent.slice(6), [[17], [16]]);
    decoder.takes = true;
    world.socket.dispatchEvent(FIRST);
    decoder.takes = false;
    world.socket.dispatchEvent(NEXT);
    assert.deepEqual(all.sent.slice(8), [[17], [16]]);
  });

  it('is no failure when a websocket ends that has held for long, as a proxy may do', async () => {
    const world = new World();
    const all = await connected(world);
    for (let times = 2; times < 8; times += 1) {
      await world.clock.advance(60000);
      world.socket.end(1006);
      await world.clock.advance(10000);
      assert.equal(all.asked.length, times);
      world.socket.open();
    }
  });

  it('is given up where each attempt shows something and ends', async () => {
    const world = new World();
    const all = await connected(world);
    const { error } = console;
    console.error = () => undefined;
    for (let times = 0; times < 10; times += 1) {
      world.socket.open();
      world.socket.dispatchEvent(FIRST);
      all.decoders.at(-1)!.decoded(picture());
      all.decoders.at(-1)!.failed(new Error('broken'));
      await world.clock.advance(20000);
    }
    console.error = error;
    assert.equal(all.asked.length, 4);
    assert.equal(all.again.at(-1), true);
  });

  for (const [name, happens] of [
    ['the server ends it', (world: World) => world.socket.end(1006)],
    [
      'the decoder fails',
      (_: World, all: Awaited<ReturnType<typeof moving>>) => all.decoders[0]!.failed(new Error('broken'))
    ]
  ] as const) {
    it(`has RFB asked for all when ${name}, once more a moment later, and tries again`, async () => {
      const world = new World();
      const all = await moving(world);
      const { error } = console;
      console.error = () => undefined;
      happens(world, all);
      console.error = error;
      assert.deepEqual(all.again, [false, true]);
      await world.clock.advance(1000);
      assert.deepEqual(all.again, [false, true, true]);
      await world.clock.advance(1000);
      assert.equal(all.asked.length, 2);
      // The server may have noticed no sooner than that, and says so first.
      world.socket.open();
      world.socket.dispatchEvent(RFB);
      world.socket.dispatchEvent(RFB);
      assert.deepEqual(all.again, [false, true, true, true]);
    });
  }

  it('is connected again where it shows something, and then nothing comes any more', async () => {
    const world = new World();
    const all = await moving(world);
    for (let times = 0; times < 3; times += 1) {
      await world.clock.advance(7900);
      world.socket.dispatchEvent(NEXT);
      all.decoders[0]!.decoded(picture());
    }
    // One that is slow is sent nothing before it has decoded what it has.
    await world.clock.advance(7900);
    all.decoders[0]!.decoded(picture());
    await world.clock.advance(7900);
    assert.equal(world.socket.closed, false);
    assert.deepEqual(all.again, [false]);
    await world.clock.advance(200);
    assert.equal(world.socket.closed, true);
    assert.deepEqual(all.again, [false, true]);
    await world.clock.advance(3000);
    assert.equal(all.asked.length, 2);
    // At rest it may be silent.
    world.socket.open();
    world.socket.dispatchEvent(RFB);
    await world.clock.advance(60000);
    assert.equal(world.socket.closed, false);
    all.video.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('is given up by a decoder that brings nothing', async () => {
    const world = new World();
    const all = await connected(world);
    const { error } = console;
    console.error = () => undefined;
    world.socket.dispatchEvent(FIRST);
    await world.clock.advance(2900);
    assert.equal(world.socket.closed, false);
    await world.clock.advance(200);
    console.error = error;
    assert.equal(all.decoders[0]!.closed, true);
    assert.equal(world.sockets[0]!.closed, true);
  });

  it('is given up after some failures, or at once where there is none', async () => {
    const world = new World();
    const { error } = console;
    console.error = () => undefined;
    const failing = made(world, 'able', {
      fetchVideo: async () => Promise.reject(new Error('no'))
    });
    failing.video.session = 'one';
    failing.video.live = true;
    await settle();
    await world.clock.advance(60000);
    console.error = error;
    assert.equal(world.clock.pending, 0);
    assert.equal(failing.video.way, 'single pictures: video is not available');
    const none = await connected(new World());
    none.video.live = false;
    const other = new World();
    const ended = await connected(other);
    other.socket.end(4505);
    await other.clock.advance(60000);
    assert.equal(ended.asked.length, 1);
  });

  it('goes when nobody looks, and has all asked for when somebody does', async () => {
    const world = new World();
    const all = await moving(world);
    all.video.live = false;
    assert.equal(world.socket.closed, true);
    assert.deepEqual(all.again, [false]);
    all.video.live = true;
    assert.deepEqual(all.again, [false, true]);
    await world.clock.advance(400);
    assert.equal(world.sockets.length, 2);
    // The server may have heard of the end of the websocket after that.
    await world.clock.advance(600);
    assert.deepEqual(all.again, [false, true, true]);
  });

  it('is off where the reader wants none, and goes when they do', async () => {
    const world = new World();
    const all = await moving(world);
    all.mode = 'never';
    all.video.apply();
    assert.equal(world.socket.closed, true);
    assert.deepEqual(all.again, [false, true]);
    assert.equal(all.video.way, 'single pictures: video is off');
    await world.clock.advance(60000);
    assert.equal(all.asked.length, 1);
    all.mode = 'auto';
    all.video.apply();
    await world.clock.advance(400);
    assert.equal(all.asked.length, 2);
  });

  it('is forgotten with the connection', async () => {
    const world = new World();
    const all = await moving(world);
    all.video.forget();
    all.video.live = true;
    assert.deepEqual(all.again, [false]);
    await world.clock.advance(60000);
    assert.equal(all.asked.length, 1);
    all.video.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('says why there is none', async () => {
    const world = new World();
    for (const [can, lack] of [
      ['webcodecs', 'Video needs an https page, and a current browser.'],
      ['h264', 'This browser does not decode H.264.'],
      ['able', '']
    ] as const) {
      const all = made(world, can);
      all.video.session = 'one';
      all.video.live = true;
      await settle();
      assert.equal(all.video.lack, lack);
      assert.equal(
        all.video.way,
        can === 'able'
          ? 'single pictures: video is not available'
          : 'single pictures: the browser shows no video'
      );
      all.video.dispose();
    }
    const without = made(world, 'able', { fetchVideo: undefined });
    assert.deepEqual([without.video.offered, without.video.way], [false, 'single pictures: no video here']);
  });

  it('makes nothing of what is no message', async () => {
    const world = new World();
    const all = await connected(world);
    [
      message(1),
      message(1, 1, 0, 1, 0, 1),
      message(77, 1),
      new MessageEvent('message', { data: 'text' })
    ].forEach(event => world.socket.dispatchEvent(event));
    assert.deepEqual([all.decoders.length, all.again.length], [0, 0]);
  });
});

describe('the decoder', () => {
  const SPS = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1f, 0xac];

  /** WebCodecs of which a test says what it does. */
  class FakeVideoDecoder {
    static made: FakeVideoDecoder[] = [];

    constructor(readonly on: { output: (picture: IPicture) => void; error: (error: Error) => void }) {
      FakeVideoDecoder.made.push(this);
    }

    state = 'unconfigured';
    decodeQueueSize = 0;
    codec = '';
    readonly chunks: string[] = [];

    configure({ codec }: { codec: string }): void {
      this.state = 'configured';
      this.codec = codec;
    }

    decode({ type }: { type: string }): void {
      this.chunks.push(type);
    }

    close(): void {
      this.state = 'closed';
    }
  }

  const encoded = (isKey: boolean, width = 640): IEncoded => ({
    isKey,
    width,
    height: 480,
    data: new Uint8Array(isKey ? SPS : [0, 0, 1, 0x41])
  });

  beforeEach(() => {
    FakeVideoDecoder.made = [];
    Object.assign(globalThis, {
      VideoDecoder: FakeVideoDecoder,
      EncodedVideoChunk: class {
        constructor(init: object) {
          Object.assign(this, init);
        }
      }
    });
  });

  it('reads the codec from the stream', () => {
    assert.equal(codecOf(new Uint8Array(SPS)), 'avc1.64001f');
    assert.equal(codecOf(new Uint8Array([0, 0, 1, 0x41, 1, 2, 3, 4])), null);
  });

  it('begins with a key frame, and begins anew for another size', () => {
    const decoder = new Decoder(
      () => undefined,
      () => undefined
    );
    assert.equal(decoder.decode(encoded(false)), false);
    assert.equal(FakeVideoDecoder.made.length, 0);
    assert.deepEqual([decoder.decode(encoded(true)), decoder.decode(encoded(false))], [true, true]);
    assert.equal(decoder.decode(encoded(true)), true);
    const [first] = FakeVideoDecoder.made;
    assert.deepEqual([first!.codec, first!.chunks], ['avc1.64001f', ['key', 'delta', 'key']]);
    decoder.decode(encoded(true, 800));
    assert.deepEqual([first!.state, FakeVideoDecoder.made.length], ['closed', 2]);
    decoder.close();
    assert.equal(FakeVideoDecoder.made[1]!.state, 'closed');
  });

  it('is not given more than it can decode, and goes on with a key frame', () => {
    const decoder = new Decoder(
      () => undefined,
      () => undefined
    );
    decoder.decode(encoded(true));
    const [made] = FakeVideoDecoder.made;
    made!.decodeQueueSize = 9;
    assert.equal(decoder.decode(encoded(false)), false);
    made!.decodeQueueSize = 0;
    assert.equal(decoder.decode(encoded(false)), false);
    assert.equal(decoder.decode(encoded(true)), true);
  });

  it('lets go of what one brings that is over', () => {
    const shown: IPicture[] = [];
    const failures: unknown[] = [];
    const decoder = new Decoder(
      one => shown.push(one),
      error => failures.push(error)
    );
    decoder.decode(encoded(true));
    const [made] = FakeVideoDecoder.made;
    made!.on.output(picture());
    made!.on.error(new Error('broken'));
    assert.deepEqual([shown.length, failures.length], [1, 1]);
    decoder.close();
    const late = picture();
    made!.on.output(late);
    made!.on.error(new Error('broken'));
    assert.deepEqual([shown.length, failures.length, late.closed], [1, 1, true]);
  });
});
