import './dom';

import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';

import type { IDisplay } from '../src/viewer/engine/novnc-internals';
import { type IPicture, LARGE, Surface } from '../src/viewer/engine/surface';

type Drawing = [onto: string, source: unknown, ...numbers: number[]];

/** What was drawn on which canvas, in its order. */
let drawn: Drawing[] = [];

Object.assign(window.HTMLCanvasElement.prototype, {
  getContext(this: HTMLCanvasElement) {
    const drawImage = (source: unknown, ...numbers: number[]): void =>
      void drawn.push([this.id, source, ...numbers]);
    return ((this as unknown as { context?: object }).context ??= { drawImage });
  }
});

const picture = (displayWidth: number, displayHeight: number): IPicture & { closed: number } => ({
  displayWidth,
  displayHeight,
  closed: 0,
  close() {
    this.closed += 1;
  }
});

const canvasOf = (id: string, width: number, height: number): HTMLCanvasElement =>
  Object.assign(document.createElement('canvas'), { id, width, height });

/** A surface of a desktop of which a part is in the frame; what is seen of it has as many pixels as `seen` says. */
function made(width: number, height: number, view = { x: 0, y: 0, w: width, h: height }, seen = view) {
  const canvas = canvasOf('seen', seen.w, seen.h);
  const behind = canvasOf('behind', width, height);
  const display = {
    _target: canvas,
    _targetCtx: canvas.getContext('2d'),
    _viewportLoc: view,
    _scale: 1,
    _backbuffer: behind,
    _fbWidth: width,
    _fbHeight: height,
    _rescale: () => undefined,
    copyImage: () => undefined,
    resize: () => undefined,
    _renderQ: []
  } as unknown as IDisplay;
  const surface = new Surface(display, () => undefined);
  return { canvas, behind, display, surface };
}

beforeEach(() => (drawn = []));

describe('a picture of video', () => {
  it('is drawn on what is seen, not on what noVNC draws on', () => {
    const { surface } = made(640, 480);
    const shown = picture(640, 480);
    surface.show(shown);
    assert.deepEqual(drawn, [['seen', shown, 0, 0, 640, 480, 0, 0, 640, 480]]);
    assert.equal(shown.closed, 0);
  });

  it('is kept until the next one is drawn, or none is over the desktop any more', () => {
    const { surface } = made(640, 480);
    const [first, second] = [picture(640, 480), picture(640, 480)];
    surface.show(first);
    surface.show(second);
    assert.deepEqual([first.closed, second.closed], [1, 0]);
    surface.forget();
    surface.forget();
    assert.deepEqual([first.closed, second.closed], [1, 1]);
    const last = picture(640, 480);
    surface.show(last);
    surface.dispose();
    assert.equal(last.closed, 1);
  });

  it('is of the part of the desktop that is in the frame', () => {
    const { surface } = made(800, 600, { x: 100, y: 50, w: 400, h: 300 });
    const shown = picture(800, 600);
    surface.show(shown);
    assert.deepEqual(drawn, [['seen', shown, 100, 50, 400, 300, 0, 0, 400, 300]]);
  });

  it('leaves the last column and row of an odd size as they are', () => {
    const { surface } = made(641, 481);
    const shown = picture(640, 480);
    surface.show(shown);
    assert.deepEqual(drawn, [['seen', shown, 0, 0, 640, 480, 0, 0, 640, 480]]);
  });

  it('of a desktop that was smaller is not drawn where there is nothing of it', () => {
    const { surface } = made(800, 600, { x: 700, y: 0, w: 100, h: 600 });
    surface.show(picture(700, 600));
    assert.deepEqual(drawn, []);
  });

  it('is drawn as large as what is seen of a large desktop', () => {
    const { canvas, surface } = made(4096, 2048, undefined, { x: 0, y: 0, w: 4096, h: 2048 });
    assert.ok(4096 * 2048 > LARGE);
    Object.assign(canvas, { width: 1024, height: 512 }); // as its frame
    const shown = picture(4096, 2048);
    surface.show(shown);
    assert.deepEqual(drawn, [['seen', shown, 0, 0, 4096, 2048, 0, 0, 1024, 512]]);
  });

  it('gives a canvas the size that noVNC wants, as noVNC would', () => {
    const { canvas, display, surface } = made(640, 480);
    Object.assign(display._target, { width: 320, height: 240 });
    Object.assign(display._viewportLoc, { w: 320, h: 240 });
    surface.show(picture(640, 480));
    assert.deepEqual([canvas.width, canvas.height], [320, 240]);
  });
});

describe('a snapshot', () => {
  it('is noVNC’s own as long as nothing is over it', () => {
    const { surface } = made(640, 480);
    assert.equal(surface.snapshot(), null);
    surface.show(picture(640, 480));
    surface.forget();
    assert.equal(surface.snapshot(), null);
  });

  it('has the whole desktop, with the picture that is over it', () => {
    const { behind, surface } = made(801, 600, { x: 100, y: 50, w: 400, h: 300 });
    const shown = picture(800, 600);
    surface.show(shown);
    drawn = [];
    const whole = surface.snapshot()!;
    assert.deepEqual([whole.width, whole.height], [801, 600]);
    assert.deepEqual(drawn, [
      ['', behind, 0, 0],
      ['', shown, 0, 0]
    ]);
    assert.equal(shown.closed, 0);
  });
});
