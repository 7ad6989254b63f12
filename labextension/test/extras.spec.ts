import './dom';
import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';

import { Adaptive } from '../src/viewer/quality/adaptive';
import { PICTURE_FIRST } from '../src/viewer/ui/clock';
import { encodingOf, type ISample, Meter } from '../src/viewer/quality/meter';
import { Preferences } from '../src/viewer/preferences';
import { keysymOf } from '../src/viewer/input/keysyms';
import { Viewer } from '../src/viewer/viewer';
import type { IRFB } from '../src/viewer/engine/novnc';
import { Statistics } from '../src/viewer/quality/statistics';
import { Updates } from '../src/viewer/connection/updates';
import { english } from '../src/viewer/ui/i18n';

const WANTED = { quality: 8, compression: 2 };
const GOOD: ISample = { frames: 30, bytes: 200000, delay: 20, load: 0.2, lossy: 10, encoding: 'Tight' };
const SLOW: ISample = { ...GOOD, frames: 3 };
const FAR: ISample = { ...GOOD, frames: 0, bytes: 0, delay: 400 };
const IDLE: ISample = { ...GOOD, frames: 0, bytes: 0, load: 0, lossy: 0 };
/** As many frames as one can wish for, and a browser that can do no more. */
const FULL: ISample = { ...GOOD, frames: 24, bytes: 4000000, load: 0.95 };
/** The same, and it can. */
const EASY: ISample = { ...FULL, load: 0.3 };
/** One large picture on its way, and nothing else. */
const ONE: ISample = { ...FULL, frames: 0.5 };
/** Areas that were lossy, sent again without loss. */
const REFINED: ISample = { ...IDLE, frames: 5, bytes: 30000 };

beforeEach(() => document.body.replaceChildren());
afterEach(() => mock.restoreAll());

async function connected(world: World): Promise<Viewer> {
  const made = new Viewer(world.options);
  document.body.append(made.node);
  made.connect();
  await world.succeed();
  return made;
}

/** The non-incremental request for a whole desktop without a size (RFC 6143, 7.5.3). */
const WHOLE = [3, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/** What a canvas is drawn on with. */
const context = { drawImage: (): void => undefined };

/** A desktop that the browser has hardly time to draw, for so many samples. */
async function move(world: World, samples: number): Promise<void> {
  for (let sample = 0; sample < samples; sample += 1) {
    world.socket.dispatchEvent(new MessageEvent('message', { data: new ArrayBuffer(400000) }));
    world.rfb.say('worked', 1900);
    world.rfb.say('lossy', undefined);
    Array.from({ length: 40 }).forEach(() => context.drawImage());
    await world.clock.advance(2000);
  }
}

/** A viewer at a desktop that has moved for a while. */
async function moving() {
  mock.method(window.HTMLCanvasElement.prototype, 'getContext', () => context);
  const world = new World();
  const viewer = await connected(world);
  const sent: number[][] = [];
  const send = (data: ArrayBuffer): void => void sent.push([...new Uint8Array(data)]);
  Object.assign(world.socket, { readyState: 1, send });
  await world.clock.advance(PICTURE_FIRST);
  await move(world, 4);
  return { world, viewer, sent };
}

const follow = (adaptive: Adaptive, sample: ISample, times: number): void =>
  Array.from({ length: times }).forEach(() => adaptive.follow(sample));

describe('adaptive quality', () => {
  for (const [name, sample] of [
    ['too few frames', SLOW],
    ['a long delay', FAR]
  ] as const) {
    it(`goes down by ${name}, and up again`, () => {
      const adaptive = new Adaptive();
      follow(adaptive, sample, 1);
      assert.deepEqual(adaptive.choose(WANTED), WANTED);
      follow(adaptive, sample, 1);
      assert.deepEqual(adaptive.choose(WANTED), { quality: 6, compression: 4 });
      follow(adaptive, GOOD, 4);
      assert.deepEqual(adaptive.choose(WANTED), WANTED);
    });
  }

  it('takes a desktop on which nothing moves for a good one', () => {
    const adaptive = new Adaptive();
    follow(adaptive, SLOW, 2);
    follow(adaptive, IDLE, 4);
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
  });

  it('ends at a floor, and never asks for a better picture than the reader wants', () => {
    const adaptive = new Adaptive();
    follow(adaptive, SLOW, 20);
    assert.deepEqual(adaptive.choose(WANTED), { quality: 2, compression: 7 });
    assert.deepEqual(adaptive.choose({ quality: 0, compression: 9 }), { quality: 0, compression: 9 });
  });

  it('follows what the browser can draw, between the quality that saturates it and one that leaves room', () => {
    const adaptive = new Adaptive();
    follow(adaptive, FULL, 2);
    assert.deepEqual(adaptive.choose(WANTED), { quality: 6, compression: 2 });
    follow(adaptive, FULL, 4);
    assert.deepEqual(adaptive.choose(WANTED), { quality: 2, compression: 2 });
    follow(adaptive, { ...FULL, load: 0.6 }, 50);
    assert.deepEqual(adaptive.choose(WANTED), { quality: 2, compression: 2 });
    follow(adaptive, EASY, 4);
    assert.deepEqual(adaptive.choose(WANTED), { quality: 4, compression: 2 });
  });

  it('tries a quality that was too good less and less often', () => {
    const adaptive = new Adaptive();
    follow(adaptive, FULL, 2);
    const waits = Array.from({ length: 6 }, () => {
      let waited = 0;
      for (; adaptive.choose(WANTED).quality < WANTED.quality; waited += 1) {
        follow(adaptive, EASY, 1);
      }
      follow(adaptive, FULL, 2);
      return waited;
    });
    assert.deepEqual(waits, [4, 8, 16, 32, 32, 32]);
    adaptive.reset();
    follow(adaptive, FULL, 2);
    follow(adaptive, EASY, 4);
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
  });

  it('takes a large picture once in a while for no slow desktop', () => {
    const adaptive = new Adaptive();
    follow(adaptive, { ...GOOD, frames: 1, load: 0.15 }, 20);
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
  });

  it('wants the best as soon as nothing moves, once in a new picture, and knows what moving costs', () => {
    const adaptive = new Adaptive();
    follow(adaptive, FULL, 4);
    assert.equal(adaptive.choose(WANTED).quality, 4);
    assert.equal(adaptive.follow(IDLE), false, 'it may be but a pause');
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
    assert.equal(adaptive.follow(IDLE), true, 'text that stands still is drawn anew');
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
    assert.deepEqual(
      [ONE, ONE, IDLE].map(sample => adaptive.follow(sample)),
      [false, false, false]
    );
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
    follow(adaptive, FULL, 1);
    assert.equal(adaptive.choose(WANTED).quality, 4);
  });

  it('takes a new picture that takes very long for motion in the end', () => {
    const adaptive = new Adaptive();
    follow(adaptive, FULL, 4);
    follow(adaptive, IDLE, 2);
    follow(adaptive, ONE, 14);
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
    follow(adaptive, ONE, 1);
    assert.notDeepEqual(adaptive.choose(WANTED), WANTED);
  });

  it('takes no motion for a new picture, however slow it is', () => {
    const adaptive = new Adaptive();
    follow(adaptive, SLOW, 4);
    for (let still = 0; still < 9 && !adaptive.follow(IDLE); still += 1);
    assert.deepEqual(adaptive.choose(WANTED), WANTED);
    follow(adaptive, SLOW, 1);
    assert.equal(adaptive.choose(WANTED).quality, 4);
  });

  it('waits longer for each new picture, and no longer after a long rest', () => {
    const adaptive = new Adaptive();
    follow(adaptive, FULL, 2);
    const wait = (): number => {
      follow(adaptive, FULL, 4);
      let waited = 1;
      for (; !adaptive.follow(IDLE) && waited < 99; waited += 1);
      return waited;
    };
    assert.deepEqual(Array.from({ length: 5 }, wait), [2, 4, 8, 16, 16]);
    follow(adaptive, IDLE, 13);
    assert.equal(wait(), 16);
    follow(adaptive, IDLE, 14);
    assert.equal(wait(), 2);
  });

  it('asks for no new picture where none was lossy, or where the desktop refines it', () => {
    const asks = (motion: ISample, still: ISample, refines: boolean): boolean => {
      const adaptive = new Adaptive();
      follow(adaptive, motion, 4);
      adaptive.follow(still, refines);
      return Array.from({ length: 20 }, () => adaptive.follow(IDLE, refines)).includes(true);
    };
    assert.equal(asks(FULL, IDLE, true), true, 'it might, and does not');
    assert.equal(asks(FULL, REFINED, true), false);
    assert.equal(asks(FULL, REFINED, false), true, 'it is something else that moves a little');
    assert.equal(asks({ ...FULL, lossy: 0, encoding: 'ZRLE' }, IDLE, false), false);
  });

  it('leaves a picture alone that was never worse, and one that rests on a bad connection', () => {
    const adaptive = new Adaptive();
    assert.equal(adaptive.follow(IDLE), false);
    follow(adaptive, FULL, 4);
    assert.equal(adaptive.follow(FAR), false);
    assert.equal(adaptive.choose(WANTED).quality, 4);
  });

  it('asks the desktop for a new picture when it rests, or when the reader wants no less', async () => {
    const { world, viewer, sent } = await moving();
    assert.ok(world.rfb.qualityLevel < 5);
    await world.clock.advance(2000);
    assert.equal(world.rfb.qualityLevel, 5);
    await world.clock.advance(2000);
    assert.deepEqual(sent, [WHOLE]);
    await move(world, 6);
    viewer.preferences.set({ adaptive: false });
    assert.deepEqual(sent, [WHOLE, WHOLE]);
    viewer.preferences.set({ bell: false });
    assert.deepEqual(sent, [WHOLE, WHOLE]);
    viewer.dispose();
    assert.equal(world.clock.pending, 0);
  });

  it('asks for nothing while nobody looks, and begins with the best anew on each connection', async () => {
    const { world, viewer, sent } = await moving();
    viewer.visible = false;
    sent.length = 0;
    viewer.preferences.set({ adaptive: false });
    assert.deepEqual(sent, []);
    viewer.visible = true;
    assert.deepEqual(sent, [WHOLE], 'when they look');
    viewer.preferences.set({ adaptive: true });
    await move(world, 4);
    assert.ok(world.rfb.qualityLevel < 5);
    viewer.extras.quality.departed();
    const next = Object.assign(world.rfb, { qualityLevel: 0 });
    viewer.extras.quality.opened(next);
    assert.equal(next.qualityLevel, 5);
    viewer.dispose();
  });

  it('reaches noVNC, and off means fixed', async () => {
    const world = new World();
    const made = await connected(world);
    assert.deepEqual([world.rfb.qualityLevel, world.rfb.compressionLevel], [5, 3]);
    world.options.memory.set('x', '');
    const slow = { probe: () => new Promise(resolve => world.clock.setTimeout(() => resolve(0), 900)) };
    Object.assign(world.options, slow);
    const far = await connected(world);
    await world.clock.advance(PICTURE_FIRST + 9000); // no probe is on its way at the end
    assert.ok(world.rfb.qualityLevel < 5);
    far.preferences.set({ adaptive: false });
    assert.deepEqual([world.rfb.qualityLevel, world.rfb.compressionLevel], [5, 3]);
    far.preferences.setOwn({ quality: 9 });
    assert.equal(world.rfb.qualityLevel, 9);
    made.dispose();
    far.dispose();
    assert.equal(world.clock.pending, 0);
  });
});

describe('the meter', () => {
  it('knows an encoding only from a whole head', () => {
    const head = new DataView(new ArrayBuffer(20));
    head.setUint16(2, 1);
    head.setInt32(12, 7);
    assert.equal(encodingOf(head.buffer), 'Tight');
    assert.equal(encodingOf(head.buffer.slice(0, 12)), '');
    const fenced = new Uint8Array([248, 0, 0, 0, 128, 0, 0, 1, 1, 7, ...new Uint8Array(head.buffer)]);
    assert.equal(encodingOf(fenced.buffer), 'Tight');
    assert.equal(encodingOf(fenced.buffer.slice(0, 20)), '');
    head.setUint8(0, 3);
    assert.equal(encodingOf(head.buffer), '');
  });

  it('counts bytes in a second, and the delay of what answers', async () => {
    const { clock } = new World();
    const answers: (() => void)[] = [];
    const meter = new Meter(clock, () => new Promise<void>(resolve => answers.push(resolve)));
    const socket = meter.watch(new EventTarget() as WebSocket);
    socket.dispatchEvent(new MessageEvent('message', { data: new ArrayBuffer(3000) }));
    void meter.probe();
    await clock.advance(500);
    answers[0]!();
    await settle();
    await clock.advance(500);
    assert.deepEqual(meter.sample(), { frames: 0, bytes: 3000, delay: 500, load: 0, lossy: 0, encoding: '' });
    assert.equal(meter.sample().bytes, 0);
  });
});

describe('a hidden viewer', () => {
  it('measures nothing', async () => {
    const world = new World();
    const made = await connected(world);
    assert.ok(world.clock.pending > 0);
    await world.clock.advance(6000);
    made.visible = false;
    assert.equal(world.clock.pending, 0);
    assert.equal(made.extras.quality.sample, null);
    made.visible = true;
    assert.ok(world.clock.pending > 0);
  });

  it('stops the pictures of a desktop that sends them unasked, and asks again', async () => {
    const world = new World();
    const sent: number[][] = [];
    const made = await connected(world);
    Object.assign(world.rfb, { _enabledContinuousUpdates: true, _fbWidth: 800, _fbHeight: 600 });
    Object.assign(world.socket, {
      readyState: 1,
      send: (data: ArrayBuffer) => sent.push([...new Uint8Array(data)])
    });
    made.visible = false;
    made.visible = true;
    assert.deepEqual(sent, [
      [150, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [3, 1, 0, 0, 0, 0, 3, 32, 2, 88]
    ]);
  });
});

describe('pictures that are asked for again', () => {
  const AREA = [0, 0, 0, 0, 3, 32, 2, 88];

  for (const [what, more, whole, wanted] of [
    ['those that the desktop sends unasked, as they change', {}, false, [[150, 1, ...AREA]]],
    [
      'all of them, as they are',
      {},
      true,
      [
        [150, 1, ...AREA],
        [3, 0, ...AREA]
      ]
    ],
    ['none that noVNC asks for anyway', { _enabledContinuousUpdates: false }, false, []],
    ['all of one that sends none unasked', { _enabledContinuousUpdates: false }, true, [[3, 0, ...AREA]]]
  ] as const) {
    it(`are ${what}`, () => {
      const sent: number[][] = [];
      const socket = { readyState: 1, send: (data: ArrayBuffer) => sent.push([...new Uint8Array(data)]) };
      const rfb = { _enabledContinuousUpdates: true, _fbWidth: 800, _fbHeight: 600, ...more };
      const updates = new Updates(rfb as unknown as IRFB, socket as unknown as WebSocket);
      updates.again(whole);
      assert.deepEqual(sent, wanted);
    });
  }

  it('are none while nobody looks', () => {
    const sent: number[] = [];
    const socket = { readyState: 1, send: (data: ArrayBuffer) => sent.push(new Uint8Array(data)[0]!) };
    const rfb = { _enabledContinuousUpdates: true, _fbWidth: 800, _fbHeight: 600 };
    const updates = new Updates(rfb as unknown as IRFB, socket as unknown as WebSocket);
    updates.wanted = false;
    sent.length = 0;
    updates.again(true);
    assert.deepEqual(sent, []);
    updates.wanted = true;
    updates.again(true);
    assert.deepEqual(sent, [3, 150, 3]);
  });
});

describe('the statistics', () => {
  const sample = { frames: 24, bytes: 2048, delay: 5, load: 0.1, lossy: 0, encoding: 'Raw' };
  const asked = { quality: 6, compression: 2 };

  for (const [way, encoding, said] of [
    ['video', 'H.264', 'H.264'],
    ['single pictures: not much moves', '', 'Raw']
  ] as const) {
    it(`say ${said} where the picture is ${way}`, () => {
      const box = new Statistics(english);
      box.show(sample, asked, { way, encoding });
      const shown = [...box.node.children].map(one => one.textContent);
      assert.equal(shown[shown.indexOf('Picture') + 1], way);
      assert.equal(shown[shown.indexOf('Encoding') + 1], said);
    });
  }
});

describe('preferences', () => {
  it('are kept for every desktop or for one, and survive nonsense', () => {
    const { options } = new World();
    const first = new Preferences(options.memory, 'a', WANTED);
    first.set({ bell: false });
    first.setOwn({ quality: 3 });
    const other = new Preferences(options.memory, 'b', WANTED);
    assert.deepEqual([other.now.bell, other.now.quality], [false, 8]);
    assert.equal(new Preferences(options.memory, 'a', WANTED).now.quality, 3);
    options.memory.set('preferences', '[');
    options.memory.set('quality:a', '{"quality":"best","compression":11}');
    assert.deepEqual([first.now.bell, first.now.quality, first.now.compression], [true, 8, 2]);
  });
});

describe('typing', () => {
  it('knows the keysyms of characters', () => {
    assert.deepEqual([...'aé€世🙂\n'].map(keysymOf), [0x61, 0xe9, 0x10020ac, 0x1004e16, 0x101f642, 0xff0d]);
  });

  it('presses every key once, in order, not too fast, and stops with the connection', async () => {
    const world = new World();
    const made = await connected(world);
    made.togglePanel('typing');
    const panel = [...made.node.querySelectorAll<HTMLElement>('.jp-VNC-panel')].find(node => !node.hidden)!;
    const area = panel.querySelector('textarea')!;
    area.value = 'straße 世界, a longer text';
    panel.querySelector<HTMLButtonElement>('.jp-mod-accept')!.click();
    assert.equal(world.rfb.keys.length, 10);
    await world.clock.advance(200);
    assert.deepEqual(
      world.rfb.keys.map(([keysym]) => keysym),
      [...area.value].map(keysymOf)
    );
    area.value = 'x'.repeat(100);
    panel.querySelector<HTMLButtonElement>('.jp-mod-accept')!.click();
    await world.end(1006);
    const { length } = world.rfb.keys;
    await world.clock.advance(100);
    assert.equal(world.rfb.keys.length, length);
  });
});

describe('the keyboard line', () => {
  const line = (made: Viewer): HTMLInputElement => made.node.querySelector('.jp-VNC-keyboard input')!;
  const keysyms = (world: World): number[] => world.rfb.keys.map(([keysym]) => keysym);

  it('sends what is typed, composed and deleted', async () => {
    const world = new World();
    const made = await connected(world);
    made.togglePanel('keyboard');
    line(made).value += 'a';
    line(made).dispatchEvent(new Event('input'));
    line(made).value += '日本';
    line(made).dispatchEvent(Object.assign(new Event('input'), { isComposing: true }));
    assert.deepEqual(keysyms(world), [0x61]);
    line(made).dispatchEvent(new Event('compositionend'));
    line(made).value = line(made).value.slice(1);
    line(made).dispatchEvent(new Event('input'));
    assert.deepEqual(keysyms(world), [0x61, 0x10065e5, 0x100672c, 0xff08]);
  });

  it('presses the keys that make no text', async () => {
    const world = new World();
    const made = await connected(world);
    made.togglePanel('keyboard');
    const event = new KeyboardEvent('keydown', { key: 'Enter', code: 'Enter', cancelable: true });
    event.getModifierState = () => false;
    line(made).dispatchEvent(event);
    assert.ok(event.defaultPrevented);
    assert.deepEqual(world.rfb.keys, [
      [0xff0d, 'Enter', true],
      [0xff0d, 'Enter', false]
    ]);
  });
});

describe('the view', () => {
  it('is dragged only at the actual size', async () => {
    const world = new World();
    const made = await connected(world);
    made.setScaling('off');
    made.toggleDragging();
    assert.ok(made.dragging && world.rfb.clipViewport && world.rfb.dragViewport);
    made.setScaling('fit');
    assert.ok(!made.dragging && !world.rfb.clipViewport && !world.rfb.dragViewport);
  });
});

describe('power', () => {
  it('is offered where the desktop can, and the reader may', async () => {
    const world = new World();
    const made = await connected(world);
    assert.ok(!made.hands.hasPower);
    Object.assign(world.rfb, { capabilities: { power: true } });
    assert.ok(made.hands.hasPower);
    made.hands.power('shutdown');
    assert.deepEqual(world.rfb.keys, [[2, 'shutdown', undefined]]);
  });

  it('is not offered where the target does not permit it', async () => {
    const world = new World();
    Object.assign(world.options, { settings: { ...world.options.settings, power: false } });
    const made = await connected(world);
    Object.assign(world.rfb, { capabilities: { power: true } });
    assert.ok(!made.hands.hasPower);
  });
});
