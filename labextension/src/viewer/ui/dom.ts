/**
 * Making elements. Text only ever becomes a text node, never markup.
 */

/** What `element` can set. */
export interface IElementOptions {
  readonly className?: string;
  readonly text?: string;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly children?: readonly Node[];
  readonly onClick?: () => void;
}

/** Make an element. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  options: IElementOptions = {}
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (options.className) {
    node.className = options.className;
  }
  if (options.text) {
    node.textContent = options.text;
  }
  for (const [name, value] of Object.entries(options.attributes ?? {})) {
    node.setAttribute(name, value);
  }
  node.append(...(options.children ?? []));
  if (options.onClick) {
    node.addEventListener('click', options.onClick);
  }
  return node;
}

/** Make a button that submits nothing. */
export function button(options: IElementOptions): HTMLButtonElement {
  return element('button', { ...options, attributes: { type: 'button', ...options.attributes } });
}

/** Make an element of one of our own drawings (`icons.ts`); a reader of the page's text skips it. */
export function drawing(svg: string): Element {
  const node = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement;
  node.setAttribute('aria-hidden', 'true');
  node.setAttribute('focusable', 'false');
  return document.importNode(node, true);
}

/** A small store of what a reader chose; it forgets where the browser keeps nothing. */
export interface IMemory {
  get(key: string): string | null;
  set(key: string, value: string): void;
}

/** The browser's local storage. It never holds anything secret. */
export const localMemory = memoryIn('localStorage');

/** What the browser keeps until its tab is closed. */
export const tabMemory = memoryIn('sessionStorage');

function memoryIn(storage: 'localStorage' | 'sessionStorage'): IMemory {
  return {
    get: key => {
      try {
        return window[storage].getItem(`jupyter-vnc:${key}`);
      } catch {
        return null;
      }
    },
    set: (key, value) => {
      try {
        window[storage].setItem(`jupyter-vnc:${key}`, value);
      } catch {
        // Private windows and full disks: it holds until the page is closed.
      }
    }
  };
}
