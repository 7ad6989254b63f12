/**
 * A document for tests, and fakes of what a browser has and the document lacks. Import it first.
 */
import { Window } from 'happy-dom';

const window = new Window({
  url: 'http://localhost:8888/user/a@b/lab',
  settings: { disableJavaScriptEvaluation: true }
});

const names = [
  'window',
  'document',
  'navigator',
  'location',
  'localStorage',
  'CustomEvent',
  'DOMParser',
  'Element',
  'Event',
  'EventTarget',
  'FocusEvent',
  'HTMLElement',
  'HTMLCanvasElement',
  'KeyboardEvent',
  'MouseEvent',
  'MessageEvent',
  'MutationObserver',
  'Node',
  'PointerEvent',
  'DragEvent'
] as const;

for (const name of names) {
  const value = name === 'window' ? window : (window as unknown as Record<string, unknown>)[name];
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

/** Observers that report when a test says so. */
export class FakeResizeObserver {
  static all: FakeResizeObserver[] = [];

  constructor(private readonly _callback: () => void) {
    FakeResizeObserver.all.push(this);
  }

  /** Tell every observer that sizes have changed. */
  static report(): void {
    for (const observer of FakeResizeObserver.all) {
      observer._callback();
    }
  }

  observe(): void {
    // every element is observed
  }

  disconnect(): void {
    FakeResizeObserver.all = FakeResizeObserver.all.filter(observer => observer !== this);
  }
}

Object.assign(globalThis, {
  // JupyterLab's services look for one when they are loaded; no test opens it.
  WebSocket: class {},
  ResizeObserver: FakeResizeObserver,
  requestAnimationFrame: (run: () => void) => setTimeout(run, 0),
  cancelAnimationFrame: (frame: NodeJS.Timeout) => clearTimeout(frame)
});

/** Give an element a size, which a document without layout does not. */
export function resize(node: Element, width: number, height: number): void {
  Object.defineProperty(node, 'clientWidth', { value: width, configurable: true });
  Object.defineProperty(node, 'clientHeight', { value: height, configurable: true });
}
