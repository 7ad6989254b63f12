import './dom';
import { FakeClock, FakeSocket, settle, World } from './fakes';

import assert from 'node:assert/strict';
import { afterEach, before, beforeEach, describe, it, mock } from 'node:test';
import { deflateSync } from 'node:zlib';

import { LONGEST_TEXT } from '../src/viewer/engine/limits';
import { MOST_FAILURES, STEADY_AFTER } from '../src/viewer/connection/closing';
import {
  LARGEST_CURSOR,
  LONGEST_NAME,
  LONGEST_SIDE,
  MOST_PIXELS,
  MOST_UNSENT
} from '../src/viewer/engine/limits';
import type { IRFB, IRFBConstructor } from '../src/viewer/engine/novnc';
import { SLICE } from '../src/viewer/engine/pace';
import { PICTURE_FIRST } from '../src/viewer/ui/clock';
import { QUIET, STUCK, SUSPECT } from '../src/viewer/connection/liveness';
import { Viewer } from '../src/viewer/viewer';

// noVNC itself, which draws on what follows.

const drawn: string[] = [];
/** Sizes that canvases were given, one entry for each time that costs memory. */
const sized: [number, number][] = [];
/** How long a change of size takes (milliseconds). */
let costOfSize = 0;
/** When that happened last. */
let sizedAt = 0;
let clock = new FakeClock();

class Context {
  constructor(readonly canvas: HTMLCanvasElement) {}
  fillRect = (): void => void drawn.push('fill');
  clearRect = (): void => undefined;
  drawImage = (): void => void drawn.push('image');
  putImageData = (): void => void drawn.push('put');
  save = (): void => undefined;
  beginPath = (): void => undefined;
  rect = (): void => undefined;
  clip = (): void => void drawn.push('clip');
  restore = (): void => undefined;
  getImageData = (_x: number, _y: number, width: number, height: number): object => {
    sized.push([width, height]);
    clock.sleep(costOfSize);
    sizedAt = clock.now();
    return {};
  };
}

Object.assign(window.HTMLCanvasElement.prototype, {
  getContext(this: HTMLCanvasElement) {
    return ((this as unknown as { context?: Context }).context ??= new Context(this));
  },
  toDataURL: () => 'data:,'
});
Object.assign(window, {
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  isSecureContext: true
});

/** A picture that is decoded when the test says so. */
class Picture extends EventTarget {
  static all: Picture[] = [];
  constructor() {
    super();
    Picture.all.push(this);
  }
  src = '';
  complete = false;
  width = 0;
  height = 0;
}

Object.assign(globalThis, {
  Image: Picture,
  ImageData: class {
    constructor(readonly data: unknown) {}
  }
});

/** What noVNC wants of a websocket. */
class Socket extends FakeSocket {
  binaryType = 'arraybuffer';
  protocol = 'binary';
  readyState = 0;
  bufferedAmount = 0;
  sent: number[][] = [];
  onerror: unknown = null;
  onopen: unknown = null;
  onclose: unknown = null;
  onmessage: ((event: MessageEvent) => void) | null = null;
  send = (data: ArrayBuffer | Uint8Array): void =>
    void this.sent.push([...(data instanceof Uint8Array ? data : new Uint8Array(data))]);
  // noVNC looks at the object itself.
  override close = (): void => {
    this.closed = true;
    this.readyState = 3;
    queueMicrotask(() => this.end(1005));
  };

  /** The desktop sends this, in one message. */
  say(...parts: (Uint8Array | number[])[]): void {
    const data = Uint8Array.from(Buffer.concat(parts.map(part => Buffer.from(part)))).buffer;
    const event = new MessageEvent('message', { data }) as MessageEvent;
    this.dispatchEvent(event);
  }
}

const u16 = (...numbers: number[]): number[] => numbers.flatMap(one => [(one >> 8) & 255, one & 255]);
const u32 = (...numbers: number[]): number[] => numbers.flatMap(one => u16(one >>> 16, one & 0xffff));
const rect = (x: number, y: number, w: number, h: number, encoding: number): number[] => [
  ...u16(x, y, w, h),
  ...u32(encoding)
];
const update = (...rects: number[][]): number[] => [0, 0, ...u16(rects.length), ...rects.flat()];
const resized = (w: number, h: number): number[] => update(rect(0, 0, w, h, -223));
const init = (w: number, h: number, name = 4): number[] => [
  ...u16(w, h),
  ...[32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0],
  ...u32(name)
];
const COPY_RECT = 1;
const H264 = 50;
const POINTERS = [-239, 0x574d5664];
/** What a viewer has offered to take, each time (SetEncodings, RFC 6143, 7.5.2). */
const offersOf = (socket: Socket): number[][] => {
  const sent = Buffer.from(socket.sent.flat());
  const offers: number[][] = [];
  for (let at = 0; at < sent.length;) {
    if (sent[at] === 2) {
      offers.push(
        Array.from({ length: sent.readUInt16BE(at + 2) }, (_, index) => sent.readInt32BE(at + 4 + 4 * index))
      );
    }
    at +=
      { 0: 20, 1: 1, 2: 4 + 4 * (offers.at(-1)?.length ?? 0), 3: 10, 150: 10, 251: 24 }[sent[at]!] ??
      sent.length;
  }
  return offers;
};
const raw = (x: number, y: number): number[] => [...rect(x, y, 1, 1, 0), 1, 2, 3, 4];
const BELL = [2];
const NAME = [...Buffer.from('fake')];

let NoVNC: IRFBConstructor;

before(async () => {
  Object.assign(globalThis.WebSocket, { CONNECTING: 0, OPEN: 1, CLOSING: 2, CLOSED: 3 });
  NoVNC = ((await import('@novnc/novnc' as string)) as { default: IRFBConstructor }).default;
});

/** What was reported as an error. */
let reported: unknown[] = [];

beforeEach(() => {
  document.body.replaceChildren();
  drawn.length = sized.length = Picture.all.length = costOfSize = 0;
  reported = [];
  mock.method(console, 'error', (...words: unknown[]) => void reported.push(words.at(-1)));
  mock.method(console, 'warn', () => undefined);
});
afterEach(() => mock.restoreAll());

/** A viewer at a desktop that has said all but what it is, with the real noVNC. */
async function greeted() {
  const world = new World();
  clock = world.clock;
  const sockets: Socket[] = [];
  let rfb: IRFB | null = null;
  Object.assign(world.options, {
    loadRFB: () =>
      Promise.resolve(
        class {
          constructor(target: HTMLElement, channel: WebSocket, options: object) {
            return (rfb = new NoVNC(target, channel, options));
          }
        }
      ),
    openSocket: (path: string, protocols: string[]) => {
      sockets.push(new Socket(path, protocols));
      return sockets.at(-1);
    }
  });
  const viewer = new Viewer(world.options);
  viewer.preferences.set({ adaptive: false });
  document.body.append(viewer.node);
  /** Go through the handshake of the last attempt. */
  const greet = async (): Promise<Socket> => {
    await settle();
    const socket = sockets.at(-1)!;
    socket.readyState = 1;
    socket.dispatchEvent(new Event('open'));
    socket.say([...Buffer.from('RFB 003.008\n')], [1, 1], u32(0));
    await settle();
    return socket;
  };
  viewer.connect();
  const socket = await greet();
  return { world, viewer, sockets, socket, greet, rfb: () => rfb! as IRFB & Record<string, unknown> };
}

/** The same, connected to a desktop of 64 x 48. */
async function connected() {
  const all = await greeted();
  all.socket.say(init(64, 48), NAME);
  await settle();
  assert.equal(all.viewer.status.phase, 'connected');
  sized.length = drawn.length = all.socket.sent.length = 0;
  return all;
}

describe('an error of noVNC', () => {
  it('is an end with a sentence, in the console, and is followed by another attempt', async () => {
    const { world, viewer, socket, sockets } = await connected();
    socket.say(update([...rect(0, 0, 64, 48, 16), ...u32(2 ** 31)]));
    for (let megabytes = 0; megabytes < 42; megabytes += 1) {
      socket.say(new Uint8Array(2 ** 20));
    }
    assert.equal(viewer.status.state, 'broken');
    assert.equal(viewer.status.phase, 'waiting');
    assert.ok(socket.closed);
    assert.match(String(reported.at(-1)), /Receive queue buffer exceeded/);
    await world.clock.advance(2000);
    assert.equal(sockets.length, 2);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('that comes each time is told, with a button, and not tried again by itself', async () => {
    const { world, viewer, sockets, greet } = await greeted();
    for (let round = 1; ; round += 1) {
      const socket = sockets.at(-1)!;
      socket.say(init(64, 48), NAME);
      await world.clock.advance(10000); // it holds for a while each time
      Object.assign(socket, { bufferedAmount: { valueOf: (): never => assert.fail('as noVNC might') } });
      socket.say(BELL);
      if (round === MOST_FAILURES) {
        break;
      }
      assert.equal(viewer.status.phase, 'waiting');
      await world.clock.advance(3000);
      await greet();
    }
    assert.equal(viewer.status.phase, 'stopped');
    assert.equal(viewer.status.remedy, 'again');
    await world.clock.advance(10 * STEADY_AFTER);
    assert.equal(sockets.length, MOST_FAILURES);
    viewer.dispose();
  });

  it('is heard in what noVNC does when it has waited for its drawings', async () => {
    const { viewer, socket, rfb } = await connected();
    const size = 4;
    socket.say(update([...rect(0, 0, 8, 8, 7), 0x90, size, ...[1, 2, 3, 4]]));
    socket.say(update([...rect(0, 0, 1, 1, 0), 0, 0, 0, 0]));
    const queue = rfb()._sock as { rQshift8: () => number };
    queue.rQshift8 = () => assert.fail('as noVNC might');
    socket.say(BELL);
    const [picture] = Picture.all as [Picture];
    Object.assign(picture, { complete: true, width: 8, height: 8 });
    picture.dispatchEvent(new Event('load'));
    await settle();
    assert.equal(viewer.status.state, 'broken');
    viewer.dispose();
  });

  for (const [what, width, event] of [
    ['cannot be decoded', 0, 'error'],
    ['has another size than was announced', 9, 'load']
  ] as const) {
    it(`includes a picture that ${what}, for which noVNC would wait for ever`, async () => {
      const { viewer, socket } = await connected();
      socket.say(update([...rect(0, 0, 8, 8, 7), 0x90, 4, 1, 2, 3, 4]));
      assert.equal(viewer.status.phase, 'connected');
      const [picture] = Picture.all as [Picture];
      Object.assign(picture, { complete: true, width, height: width });
      picture.dispatchEvent(new Event(event));
      assert.equal(viewer.status.state, 'excess');
      viewer.dispose();
    });
  }

  it('is not what goes wrong in a listener of ours', async () => {
    const { viewer, socket, rfb } = await connected();
    viewer.changed.on(() => assert.fail('a toolbar'));
    Object.assign(globalThis, {
      AudioContext: class {
        close = (): Promise<void> => Promise.resolve();
      }
    });
    socket.say(BELL, BELL);
    viewer.changed.emit();
    assert.equal(viewer.status.phase, 'connected');
    assert.equal(reported.length, 2);
    Object.assign(globalThis, { AudioContext: undefined });
    assert.ok(rfb());
    viewer.dispose();
  });
});

describe('a desktop of which noVNC takes nothing more', () => {
  for (const [how, patience] of [
    ['', STUCK],
    [' sooner after an error that nobody knows the owner of', SUSPECT]
  ] as const) {
    it(`is taken for dead though bytes come,${how}`, async () => {
      const { world, viewer, socket } = await connected();
      await world.clock.advance(1000);
      socket.say(BELL);
      socket.say(update([...rect(0, 0, 64, 48, 16), ...u32(30000)]));
      if (patience === SUSPECT) {
        const filename = 'http://localhost/vnc/static/novnc/rfb.js?v=1';
        window.dispatchEvent(Object.assign(new Event('error'), { filename }));
      }
      // The head was taken; the rest is not all there for very long.
      let seconds = 0;
      for (; viewer.status.phase === 'connected' && seconds < 1000; seconds += 1) {
        await world.clock.advance(1000);
        socket.say([1]);
      }
      assert.equal(viewer.status.state, 'lost');
      const most = (patience + 2 * QUIET) / 1000;
      assert.ok(seconds >= patience / 1000 - 1 && seconds <= most, `${seconds} s`);
      viewer.dispose();
    });
  }
});

describe('a screen that a desktop announces', () => {
  const sizes: [number, number][] = [
    [65535, 65535],
    [LONGEST_SIDE + 1, 1],
    [1, 65535],
    [MOST_PIXELS / 4096 + 1, 4096]
  ];
  for (const [width, height] of sizes) {
    it(`of ${width} x ${height} is refused, at once and later, before it costs anything`, async () => {
      for (const when of ['ServerInit', 'DesktopSize', 'ExtendedDesktopSize']) {
        const { world, viewer, socket, rfb } = when === 'ServerInit' ? await greeted() : await connected();
        if (when === 'ServerInit') {
          socket.say(init(width, height), NAME);
        } else if (when === 'DesktopSize') {
          socket.say(resized(width, height));
        } else {
          socket.say(update([...rect(0, 0, width, height, -308), 0, 0, 0, 0]));
        }
        assert.equal(viewer.status.state, 'too-large', when);
        assert.match(viewer.status.sentence, new RegExp(`${width} x ${height}`));
        assert.equal(viewer.status.remedy, 'again');
        const { _backbuffer } = rfb()._display as { _backbuffer: HTMLCanvasElement };
        assert.ok(_backbuffer.width <= 300 && _backbuffer.height <= 150, when);
        await world.clock.advance(600000);
        assert.equal(world.asked, 1);
        viewer.dispose();
      }
    });
  }

  for (const [width, height] of [
    [7680, 4320],
    [15360, 2160],
    [0, 0]
  ] as const) {
    it(`of ${width} x ${height} is shown`, async () => {
      const { viewer, socket, rfb } = await connected();
      socket.say(resized(width, height));
      assert.equal(viewer.status.phase, 'connected');
      const { _backbuffer } = rfb()._display as { _backbuffer: HTMLCanvasElement };
      assert.deepEqual([_backbuffer.width, _backbuffer.height], [width, height]);
      viewer.dispose();
    });
  }

  it('is held once in memory when it is a large one, and let go before there is another', async () => {
    const { viewer, socket, rfb } = await connected();
    const wide = [7680, 4320] as const;
    for (const [width, height] of [wide, [4320, 7679], wide] as const) {
      sized.length = drawn.length = socket.sent.length = 0;
      const { _backbuffer } = rfb()._display as { _backbuffer: HTMLCanvasElement };
      const held: number[] = [];
      Object.defineProperty(_backbuffer, 'width', {
        configurable: true,
        get: () => held.at(-1) ?? 1,
        set: (value: number) => held.push(value)
      });
      socket.say(update(rect(0, 0, width, height, -223), [...rect(0, 0, width, height, 7), 0x80, 1, 2, 3]));
      delete (_backbuffer as { width?: number }).width;
      assert.deepEqual(held, [0, width]);
      _backbuffer.width = width;
      await new Promise(resolve => setTimeout(resolve, 5));
      assert.deepEqual(sized, [], 'no copy of the old one');
      assert.equal(viewer.status.phase, 'connected');
      const seen = viewer.node.querySelector<HTMLCanvasElement>('.jp-VNC-screen canvas')!;
      assert.ok(seen.width * seen.height < 2 ** 20, `${seen.width} x ${seen.height} are seen`);
      assert.ok(drawn.includes('clip'));
      // What was let go is asked for, and nothing that has to be copied.
      const sent = socket.sent.map(one => one.join());
      assert.ok(sent.join().includes([3, 0, ...u16(0, 0, width, height)].join()));
      assert.ok(!offersOf(socket).at(-1)!.includes(COPY_RECT));
    }
    socket.say(resized(640, 480));
    assert.ok(offersOf(socket).at(-1)!.includes(COPY_RECT));
    viewer.dispose();
  });

  it('is asked for where it would be copied, when it is a large one', async () => {
    const { viewer, socket } = await connected();
    socket.say(resized(7680, 4320), update([...rect(1, 2, 300, 200, COPY_RECT), ...u16(5, 5)]));
    assert.ok(
      socket.sent
        .flat()
        .join()
        .includes([3, 0, ...u16(1, 2, 300, 200)].join())
    );
    assert.ok(!drawn.includes('image'));
    viewer.dispose();
  });

  it('is left as it is when there are several', async () => {
    for (const [screens, requests] of [
      [1, 1],
      [2, 0]
    ] as const) {
      const { viewer, socket, rfb } = await connected();
      rfb().resizeSession = true;
      Object.assign(rfb(), { _screenSize: () => ({ w: 320, h: 240 }) });
      const each = Array.from({ length: screens }, (_, id) => [...u32(id), ...u16(0, 0, 32, 48), ...u32(0)]);
      socket.say(update([...rect(0, 0, 64, 48, -308), screens, 0, 0, 0, ...each.flat()]));
      socket.say(BELL);
      assert.equal(socket.sent.filter(one => one[0] === 251).length, requests);
      viewer.dispose();
    }
  });

  it('is asked for again when somebody has left who may have had another, unless there are several', async () => {
    const self = { user: 'ann', mode: 'control', you: true } as const;
    const bob = { user: 'bob', mode: 'control', you: false } as const;
    for (const [screens, requests] of [
      [1, [0, 0, 1, 1, 2]],
      [2, [0, 0, 0, 0, 0]]
    ] as const) {
      const { world, viewer, socket, rfb } = await connected();
      const each = Array.from({ length: screens }, (_, id) => [...u32(id), ...u16(0, 0, 32, 48), ...u32(0)]);
      socket.say(update([...rect(0, 0, 64, 48, -308), screens, 0, 0, 0, ...each.flat()]), BELL);
      await world.clock.advance(PICTURE_FIRST);
      Object.assign(rfb(), { _screenSize: () => ({ w: 320, h: 240 }), resizeSession: true });
      socket.sent.length = 0;
      const asked: number[] = [];
      for (const viewers of [[self], [self, bob], [self], [self, bob], [self]]) {
        Object.assign(rfb(), { _lastResize: 0 }); // noVNC asks at most every 100 ms
        socket.note({ kind: 'viewers', viewers, count: viewers.length });
        asked.push(socket.sent.filter(one => one[0] === 251).length);
      }
      assert.deepEqual(asked, requests, 'whether the desktop has answered the last time or not');
      viewer.dispose();
    }
  });

  const self = { user: 'ann', mode: 'control', since: '10:00', you: true } as const;
  const bob = { user: 'bob', mode: 'control', since: '10:01', you: false } as const;
  const eve = { user: 'eve', mode: 'control', since: '10:02', you: false } as const;

  /** A viewer of 320 x 240 whose desktop may be resized, by others too. */
  async function resizable() {
    const { world, viewer, socket, rfb } = await connected();
    /** The desktop says that it has this size: for itself, or (2) because another viewer has asked for it. */
    const say = (reason: number, width: number): void =>
      socket.say(
        update([
          ...rect(reason, 0, width, 48, -308),
          1,
          0,
          0,
          0,
          ...u32(0),
          ...u16(0, 0, width, 48),
          ...u32(0)
        ]),
        BELL
      );
    /** How often the desktop is asked for a size meanwhile, and in so many milliseconds afterwards. */
    const asks = async (what: () => void, wait = 0): Promise<number> => {
      Object.assign(rfb(), { _lastResize: 0 }); // noVNC asks at most every 100 ms
      socket.sent.length = 0;
      what();
      await world.clock.advance(wait);
      return socket.sent.filter(one => one[0] === 251).length;
    };
    const note = (...viewers: object[]): void =>
      socket.note({ kind: 'viewers', viewers, count: viewers.length });
    const frame = viewer.node.querySelector('.jp-VNC-screen')!;
    Object.defineProperties(frame, { clientWidth: { value: 320 }, clientHeight: { value: 240 } });
    say(0, 64);
    await world.clock.advance(PICTURE_FIRST);
    Object.assign(rfb(), { _screenSize: () => ({ w: 320, h: 240 }), resizeSession: true });
    return { world, viewer, say, asks, note };
  }

  it('is asked for again when somebody came and left between two notes, or asked for theirs too late', async () => {
    const { world, viewer, say, asks, note } = await resizable();
    assert.equal(await asks(() => note(self)), 0, 'nobody was there');
    assert.equal(await asks(() => note(self)), 1, 'who came and left was seen in no note');
    assert.equal(await asks(() => say(2, 100), 1500), 1, 'what the other had asked for comes late');
    await world.clock.advance(5000);
    assert.equal(await asks(() => say(2, 110), 1500), 0, 'somebody who is in no note');
    note(self, bob, eve);
    assert.equal(await asks(() => note(self, bob)), 1);
    assert.equal(await asks(() => say(2, 120), 1500), 0, 'who is left may ask for theirs');
    assert.equal(await asks(() => note(self, bob)), 1, 'who came and left while somebody stayed');
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('is left to whoever comes soon after somebody has left', async () => {
    const { viewer, say, asks, note } = await resizable();
    note(self, bob);
    assert.equal(await asks(() => note(self)), 1);
    assert.equal(await asks(() => note(self, eve)), 0);
    assert.equal(await asks(() => say(2, 100), 1500), 0, 'the newcomer has asked last');
    assert.equal(await asks(() => note(self)), 1);
    assert.equal(await asks(() => say(2, 110), 900), 0, 'the note of who asks may take a second');
    assert.equal(await asks(() => note(self, bob), 5000), 0);
    viewer.dispose();
  });

  it('is left to whoever comes in the same note as somebody leaves', async () => {
    const { viewer, asks, note } = await resizable();
    const again = { ...bob, since: '10:03' };
    note(self, bob);
    assert.equal(await asks(() => note(self, again)), 0, 'a reload within a second');
    assert.equal(await asks(() => note(self, again)), 1, 'and an unseen visitor after it');
    assert.equal(await asks(() => note(self, eve)), 0, 'another one');
    assert.equal(await asks(() => note(self, { ...bob, mode: 'view' })), 1, 'one who asks for nothing');
    viewer.dispose();
  });

  it('is asked for in whole pixels, and not again once it is there', async () => {
    const { viewer, socket, rfb } = await connected();
    const screen = rfb()._screen as HTMLElement;
    screen.getBoundingClientRect = () => ({ width: 320.5, height: 240.9 }) as DOMRect;
    const frame = viewer.node.querySelector('.jp-VNC-screen')!;
    Object.defineProperties(frame, { clientWidth: { value: 320 }, clientHeight: { value: 240 } });
    rfb().resizeSession = true;
    const one = (reason: number, width: number, height: number): void =>
      socket.say(
        update([
          ...rect(reason, 0, width, height, -308),
          ...[1, 0, 0, 0],
          ...[...u32(0), ...u16(0, 0, width, height), ...u32(0)]
        ]),
        BELL
      );
    one(0, 64, 48);
    assert.deepEqual(
      socket.sent.filter(each => each[0] === 251).map(each => each.slice(2, 6)),
      [u16(320, 240)]
    );
    Object.assign(rfb(), { _lastResize: 0 });
    one(1, 320, 240);
    assert.equal(socket.sent.filter(each => each[0] === 251).length, 1);
    viewer.dispose();
  });

  it('changes once for all changes in a row, and is what was said last', async () => {
    const { viewer, socket, rfb } = await connected();
    const sizes = Array.from({ length: 2500 }, (_, index) => resized(100 + index, 200));
    socket.say(...sizes);
    assert.ok(sized.length <= 1, `${sized.length} changes`);
    const { _backbuffer } = rfb()._display as { _backbuffer: HTMLCanvasElement };
    assert.deepEqual([_backbuffer.width, _backbuffer.height], [2599, 200]);
    viewer.dispose();
  });

  it('has its new size before something is drawn on it', async () => {
    const { viewer, socket } = await connected();
    socket.say(update(rect(0, 0, 100, 200, -223), raw(99, 199)));
    assert.deepEqual(sized, [[64, 48]]);
    assert.equal(drawn.filter(one => one === 'put').length, 2);
    viewer.dispose();
  });

  it('takes at most a part of the time that there is, and loses nothing', async () => {
    const { world, viewer, socket } = await connected();
    costOfSize = 100;
    const before = world.clock.now();
    for (let index = 0; index < 40; index += 1) {
      socket.say(update(rect(0, 0, 100 + index, 200, -223), raw(99, 199)));
    }
    await world.clock.advance(60000);
    assert.equal(sized.length, 40);
    assert.equal(drawn.filter(one => one === 'put').length, 80);
    assert.equal(viewer.status.phase, 'connected');
    assert.ok(sizedAt - before > 40 * costOfSize * 3, `${sizedAt - before} ms`);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });
});

describe('what a viewer offers to take', () => {
  it('is no H.264, and pictures of the pointer only where one works', async () => {
    const { viewer, socket } = await greeted();
    socket.sent.length = 0;
    socket.say(init(64, 48), NAME);
    await settle();
    const [whole] = offersOf(socket);
    assert.ok(whole!.length > 10);
    assert.ok(POINTERS.every(one => whole!.includes(one)));
    assert.ok(!whole!.includes(H264));
    viewer.toggleViewOnly();
    assert.deepEqual(
      offersOf(socket).at(-1),
      whole!.filter(one => !POINTERS.includes(one))
    );
    viewer.toggleViewOnly();
    assert.deepEqual(offersOf(socket).at(-1), whole);
    socket.say(update(rect(0, 0, 64, 48, H264)));
    assert.equal(viewer.status.state, 'garbled');
    viewer.dispose();
  });
});

describe('what a desktop announces', () => {
  const packed = (...formats: Buffer[]): number[] => {
    const data = deflateSync(Buffer.concat(formats.flatMap(one => [Buffer.from(u32(one.length)), one])));
    return [...data];
  };
  const provide = (flags: number, data: number[]): number[] => [
    ...[3, 0, 0, 0],
    ...u32(-(4 + data.length)),
    ...u32(2 ** 28 + flags),
    ...data
  ];
  const cases: [string, number[]][] = [
    ['a pointer of 65535 x 65535', update(rect(0, 0, 65535, 65535, -239))],
    ['a pointer that is a little too large', update(rect(0, 0, 1, LARGEST_CURSOR + 1, -239))],
    ['a pointer of VMware’s', update([...rect(0, 0, 30000, 30000, 0x574d5664), 0, 0])],
    ['a pointer of VMware’s of a kind that is not', update([...rect(0, 0, 3, 3, 0x574d5664), 7, 0])],
    ['a name of 4 GiB', update([...rect(0, 0, 0, 0, -307), ...u32(2 ** 32 - 1)])],
    ['a name that is a little too long', update([...rect(0, 0, 0, 0, -307), ...u32(LONGEST_NAME + 1)])],
    ['a clipboard of 2 GiB', [3, 0, 0, 0, ...u32(2 ** 31 - 1)]],
    ['an extended clipboard of 2 GiB', [3, 0, 0, 0, ...u32(2 ** 31)]],
    ['a rectangle of 65535 x 65535', update([...rect(0, 0, 65535, 65535, 7), 0x80, 1, 2, 3])],
    [
      'a rectangle of Tight that inflates to a whole large screen',
      [...resized(7680, 4320), ...update([...rect(0, 0, 7680, 4320, 7), 0, 0xff, 0xff, 1])]
    ],
    [
      'a JPEG of a whole large screen',
      [...resized(7680, 4320), ...update([...rect(0, 0, 7680, 4320, 21), 0xff, 0xd8])]
    ],
    ['a picture of 65535 x 65535', update([...rect(0, 0, 65535, 65535, -260), 0xa0, 1, 0])],
    [
      'very many layers of RRE',
      update([
        ...rect(0, 0, 64, 48, 2),
        ...u32(2 ** 32 - 1),
        ...[0, 0, 0, 0],
        ...Array.from({ length: 500 }, () => [1, 2, 3, 0, ...u16(0, 0, 65535, 65535)]).flat()
      ])
    ],
    [
      'a run of ZRLE that never ends',
      update([
        ...rect(0, 0, 64, 48, 16),
        ...((data: Buffer): number[] => [...u32(data.length), ...data])(
          deflateSync(Buffer.concat([Buffer.from([128, 1, 2, 3]), Buffer.alloc(2 ** 24, 255)]))
        )
      ])
    ],
    [
      'very many segments of a JPEG',
      update([
        ...rect(0, 0, 8, 8, 21),
        255,
        0xd8,
        ...Array.from({ length: 2000 }, () => [255, 0xe0, 0, 2]).flat()
      ])
    ]
  ];
  for (const [what, message] of cases) {
    it(`ends with a sentence when it is ${what}`, async () => {
      const { viewer, socket } = await connected();
      socket.say(message);
      assert.equal(viewer.status.state, 'excess');
      assert.equal(viewer.status.phase, 'stopped');
      assert.ok(socket.closed);
      viewer.dispose();
    });
  }

  it('ends with a sentence when it is a name of 4 GiB in ServerInit', async () => {
    const { viewer, socket } = await greeted();
    socket.say(init(64, 48, 2 ** 32 - 1));
    assert.equal(viewer.status.state, 'excess');
    viewer.dispose();
  });

  const note = (viewer: Viewer): string => viewer.node.querySelector('.jp-VNC-hint')!.textContent ?? '';
  const text = (viewer: Viewer): string =>
    viewer.node.querySelector<HTMLTextAreaElement>('.jp-VNC-panel textarea')!.value;

  for (const [what, message, rest] of [
    ['long', [3, 0, 0, 0, ...u32(LONGEST_TEXT + 1)], LONGEST_TEXT + 1],
    ['long, in its own form', [3, 0, 0, 0, ...u32(-(LONGEST_TEXT + 1))], LONGEST_TEXT + 1],
    ['long when it is unpacked', provide(1, packed(Buffer.alloc(2 ** 24, 65))), 0],
    ['long to unpack in another form', provide(3, packed(Buffer.from('a'), Buffer.alloc(2 ** 24))), 0]
  ] as const) {
    it(`is passed by when it is a text that is too ${what}`, async () => {
      const { viewer, socket, rfb } = await connected();
      viewer.togglePanel('clipboard');
      const queue = rfb()._sock as { _rQbufferSize: number };
      const before = queue._rQbufferSize;
      let texts = 0;
      rfb().addEventListener('clipboard', () => (texts += 1));
      socket.say([...message]);
      for (let left: number = rest; left > 0; left -= 50000) {
        socket.say(new Uint8Array(Math.min(left, 50000)));
      }
      assert.match(note(viewer), /too long/);
      assert.equal(text(viewer), '');
      assert.equal(queue._rQbufferSize, before);
      assert.equal(texts, 0, 'noVNC has not even read it');
      assert.equal(viewer.status.phase, 'connected');
      socket.say(update(raw(0, 0)));
      assert.ok(drawn.includes('put'), 'what comes after it is understood');
      viewer.dispose();
    });
  }

  it('is taken over when it is a text of the usual length', async () => {
    const { viewer, socket } = await connected();
    viewer.togglePanel('clipboard');
    socket.say(provide(1, packed(Buffer.from('Grüße\r\nWelt\0'))));
    assert.equal(text(viewer), 'Grüße\nWelt');
    viewer.dispose();
  });

  it('is told to whoever listens once in a while, and the last of it', async () => {
    const { world, viewer, socket } = await connected();
    viewer.togglePanel('clipboard');
    let writes = 0;
    const area = viewer.node.querySelector<HTMLTextAreaElement>('.jp-VNC-panel textarea')!;
    const value = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(area), 'value')!;
    Object.defineProperty(area, 'value', {
      get: value.get!.bind(area),
      set: (next: string) => {
        writes += 1;
        value.set!.call(area, next);
      }
    });
    const letters = Array.from({ length: 1000 }, (_, index) => [3, 0, 0, 0, ...u32(1), 65 + (index % 26)]);
    socket.say(...letters);
    await world.clock.advance(1000);
    assert.ok(writes <= 2, `${writes} times`);
    assert.equal(area.value, String.fromCharCode(65 + (999 % 26)));
    viewer.dispose();
  });

  it('is told once when it is the same power switch again and again', async () => {
    const { viewer, socket } = await connected();
    let changes = 0;
    viewer.changed.on(() => (changes += 1));
    socket.say(...Array.from({ length: 1000 }, () => [250, 0, 1, 1]));
    assert.equal(changes, 1);
    viewer.dispose();
  });
});

describe('the work of a browser', () => {
  const total = (times: number[]): number => times.reduce((sum, time) => sum + time, 0);

  /** A viewer that is connected, and how long it has worked, each time. */
  async function working() {
    const all = await connected();
    const times: number[] = [];
    all.rfb().addEventListener('worked', event => times.push((event as CustomEvent<number>).detail));
    const show = async (): Promise<void> => {
      await new Promise(resolve => setTimeout(resolve, 0)); // a frame of the browser
      all.world.clock.sleep(7);
      await all.world.clock.advance(0);
    };
    return { ...all, times, show };
  }

  it('is what it receives, decodes, draws and shows, not what it waits for', async () => {
    const { world, viewer, socket, times, show } = await working();
    socket.say(update(raw(1, 1)));
    assert.equal(total(times), 0);
    world.clock.sleep(100);
    await show();
    assert.equal(total(times), 7);
    const picture = update(raw(1, 1), raw(2, 2));
    socket.say(picture.slice(0, 25));
    world.clock.sleep(30);
    socket.say(picture.slice(25));
    assert.equal(total(times), 37);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('is told while it goes on, when there is too much to do', async () => {
    const { world, viewer, socket, times } = await working();
    const picture = update(raw(1, 1), raw(2, 2));
    socket.say(picture.slice(0, 25));
    for (let round = 1; round <= 3; round += 1) {
      world.clock.sleep(20);
      socket.say(picture.slice(25), picture.slice(0, 25)); // the end of one, and the beginning of the next
      assert.equal(total(times), 20 * round);
    }
    viewer.dispose();
  });

  it('includes the time in which a picture is decoded', async () => {
    const { world, viewer, socket, times } = await working();
    const jpeg = [0x90, 4, 0xff, 0xd8, 0xff, 0xd9];
    socket.say(update([...rect(0, 0, 8, 8, 7), ...jpeg]));
    world.clock.sleep(40);
    assert.equal(total(times), 0);
    Object.assign(Picture.all[0]!, { complete: true, width: 8, height: 8 });
    Picture.all[0]!.dispatchEvent(new Event('load'));
    assert.equal(total(times), 40);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });
});

describe('a lossy picture', () => {
  it('is told, and one without loss is not', async () => {
    const { viewer, socket, rfb } = await connected();
    let lossy = 0;
    rfb().addEventListener('lossy', () => (lossy += 1));
    const png = [0xa0, 4, 0x89, 0x50, 0x4e, 0x47];
    const jpeg = [0x90, 4, 0xff, 0xd8, 0xff, 0xd9];
    socket.say(update(raw(1, 1)));
    const counts = [
      [-260, png],
      [7, jpeg],
      [-260, jpeg]
    ].map(([encoding, data]) => {
      socket.say(update([...rect(0, 0, 8, 8, encoding as number), ...(data as number[])]));
      Object.assign(Picture.all.at(-1)!, { complete: true, width: 8, height: 8 });
      Picture.all.at(-1)!.dispatchEvent(new Event('load'));
      return lossy;
    });
    assert.deepEqual(counts, [0, 1, 2]);
    viewer.dispose();
  });
});

describe('a flood', () => {
  it('of questions that are answered ends when nobody takes the answers', async () => {
    const { viewer, socket } = await connected();
    const fence = [248, 0, 0, 0, ...u32(2 ** 31), 0];
    socket.say(fence);
    assert.equal(viewer.status.phase, 'connected');
    socket.bufferedAmount = MOST_UNSENT + 1;
    socket.say(fence);
    assert.equal(viewer.status.state, 'excess');
    viewer.dispose();
  });

  it('of questions is answered in few messages, completely and in order', async () => {
    const { viewer, socket, rfb } = await connected();
    const fences = Array.from({ length: 3000 }, (_, index) => [
      248,
      0,
      0,
      0,
      ...u32(2 ** 31),
      2,
      ...u16(index)
    ]);
    socket.say(...fences);
    assert.ok(socket.sent.length <= 40, `${socket.sent.length} messages`);
    const answers = fences.map((_, index) => [248, 0, 0, 0, 0, 0, 0, 0, 2, ...u16(index)]);
    assert.deepEqual(socket.sent.flat(), answers.flat());
    socket.sent.length = 0;
    for (let press = 0; press < 50; press += 1) {
      rfb().sendKey(97, 'KeyA', true);
    }
    assert.equal(socket.sent.length, 50, 'what the reader does goes at once');
    viewer.dispose();
  });

  it('of messages leaves others their turn, and is then gone on with', async () => {
    const { world, viewer, socket, rfb } = await connected();
    let bells = 0;
    rfb().addEventListener('bell', () => {
      bells += 1;
      world.clock.sleep(1);
    });
    socket.say(new Uint8Array(500).fill(2));
    assert.equal(bells, SLICE);
    socket.say(BELL);
    assert.equal(bells, SLICE, 'it rests');
    await world.clock.advance(2000);
    assert.equal(bells, 501);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('of rectangles in one picture leaves others their turn, too', async () => {
    const { world, viewer, socket } = await connected();
    const put = drawn.push.bind(drawn);
    drawn.push = (...words) => {
      world.clock.sleep(1);
      return put(...words);
    };
    socket.say(update(...Array.from({ length: 500 }, () => raw(1, 1))));
    const first = drawn.length;
    assert.ok(first <= SLICE + 2, `${first} of 500`);
    await world.clock.advance(2000);
    drawn.push = Array.prototype.push;
    assert.equal(drawn.filter(one => one === 'put').length, 500);
    viewer.dispose();
  });

  it('of full screens waits for the browser to show some', async () => {
    const { world, viewer, socket } = await connected();
    socket.say(resized(2000, 1000));
    drawn.length = 0;
    const fill = [...rect(0, 0, 2000, 1000, 7), 0x80, 1, 2, 3];
    socket.say(update(...Array.from({ length: 100 }, () => fill)));
    const first = drawn.filter(one => one === 'fill').length;
    assert.ok(first > 0 && first < 10, `${first} at once`);
    for (let frame = 0; frame < 100; frame += 1) {
      await new Promise(resolve => setTimeout(resolve, 0)); // a frame of the browser
      await world.clock.advance(0);
    }
    assert.equal(drawn.filter(one => one === 'fill').length, 100);
    assert.equal(viewer.status.phase, 'connected');
    viewer.dispose();
  });

  it('of bells is one bell a moment', async () => {
    const { world, viewer, socket } = await connected();
    viewer.preferences.set({ bell: true });
    let tones = 0;
    const node = { gain: {}, frequency: {}, connect: () => node, start: () => (tones += 1), stop: () => 0 };
    const Audio = class {
      createOscillator = (): object => node;
      createGain = (): object => node;
      close = (): Promise<void> => Promise.resolve();
    };
    Object.assign(globalThis, { AudioContext: Audio });
    await world.clock.advance(6000); // the hint about keys goes
    socket.say(new Uint8Array(2000).fill(2));
    assert.equal(tones, 1);
    assert.equal(viewer.node.querySelector('.jp-VNC-live')!.textContent, 'The desktop rang its bell.');
    const hint = viewer.node.querySelector('.jp-VNC-hint')!;
    assert.equal(hint.textContent, 'The desktop rang its bell.');
    hint.textContent = 'ada is watching.';
    await world.clock.advance(1000);
    socket.say(BELL);
    assert.equal(tones, 2);
    assert.equal(hint.textContent, 'ada is watching.', 'it takes the place of nothing that was just said');
    viewer.dispose();
    Object.assign(globalThis, { AudioContext: undefined });
  });
});
