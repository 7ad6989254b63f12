/**
 * The fields of a target's form, made from the JSON Schema of its keys.
 */
import { element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import type { ISchema, Keys } from './admin-api';

/** A field; its value is what the key has, or undefined for nothing. */
export interface IField {
  readonly path: string;
  readonly node: HTMLElement;
  value: unknown;
  /** Whether it has a value that differs from the default. */
  readonly filled: boolean;
  /** Say what is wrong at the field; empty for nothing. */
  complain(sentence: string): void;
  focus(): void;
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

/** How a kind of value is shown and read. */
interface IKind {
  readonly control: (trans: ITranslate, schema: ISchema) => Control;
  readonly show: (value: unknown) => string;
  readonly read: (text: string) => unknown;
}

const input = (attributes: Record<string, string> = {}): HTMLInputElement =>
  element('input', { attributes: { type: 'text', autocomplete: 'off', spellcheck: 'false', ...attributes } });

function select(trans: ITranslate, words: readonly (readonly [string, string])[]): HTMLSelectElement {
  const all = [['', trans.__('Default')] as const, ...words];
  return element('select', {
    children: all.map(([value, text]) => element('option', { text, attributes: { value } }))
  });
}

const asText = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

const plain: IKind = { control: () => input(), show: asText, read: text => text };

const number: IKind = {
  control: () => input({ inputmode: 'decimal' }),
  show: asText,
  // The server says what is wrong with any other text.
  read: text => (text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text)
};

const flag: IKind = {
  control: trans =>
    select(trans, [
      ['true', trans.__('Yes')],
      ['false', trans.__('No')]
    ]),
  show: asText,
  read: text => text === 'true'
};

const word: IKind = {
  control: (trans, schema) =>
    select(
      trans,
      (schema.enum ?? []).map(one => [one, one])
    ),
  show: asText,
  read: text => text
};

const list: IKind = {
  control: () => input(),
  show: value => (Array.isArray(value) ? value.join(', ') : ''),
  read: text =>
    text
      .split(/[,;\s]+/)
      .map(one => one.trim())
      .filter(Boolean)
};

const command: IKind = {
  ...plain,
  show: value => (Array.isArray(value) ? JSON.stringify(value) : asText(value))
};

const secret: IKind = {
  control: () => input({ type: 'password', autocomplete: 'new-password' }),
  show: () => '',
  read: text => text
};

/** Machines of a pool: lines of `name: host:port`; JSON where they have more than an address. */
const machines: IKind = {
  control: () => element('textarea', { attributes: { rows: '6', spellcheck: 'false' } }),
  show: value => {
    if (Array.isArray(value)) {
      return value.join('\n');
    }
    const rows = Object.entries((value ?? {}) as Record<string, Record<string, unknown>>);
    const simple = rows.every(([, one]) => Object.keys(one).every(key => key === 'host' || key === 'port'));
    const line = ([name, { host, port }]: (typeof rows)[number]): string =>
      `${name}: ${asText(host).includes(':') ? `[${asText(host)}]` : asText(host)}:${asText(port ?? 5900)}`;
    return simple ? rows.map(line).join('\n') : JSON.stringify(value, null, 2);
  },
  read: text => {
    if (text.trim().startsWith('{')) {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        return text;
      }
    }
    const lines = text
      .split('\n')
      .map(line => line.trim())
      .filter(Boolean);
    const named = lines.map(line =>
      /^([^\s:[\]]+):\s+(?:\[([^\]]+)\]|([^\s:[\]]+))(?::([0-9]{1,5}))?$/.exec(line)
    );
    return named.every(Boolean)
      ? Object.fromEntries(
          named.map(one => [one![1], { host: one![2] ?? one![3], ...(one![4] && { port: Number(one![4]) }) }])
        )
      : lines;
  }
};

function kindOf(path: string, schema: ISchema): IKind {
  if (path === 'pool.machines') {
    return machines;
  }
  if (schema.writeOnly) {
    return secret;
  }
  if (schema.enum) {
    return word;
  }
  if (Array.isArray(schema.type)) {
    return command;
  }
  const kinds: Record<string, IKind> = { integer: number, number, boolean: flag, array: list };
  return kinds[schema.type as string] ?? plain;
}

/** Help as a page without links shows it. */
const unmarked = (text: string): string => text.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replaceAll('`', '');

/** Make the field of a key. */
export function field(trans: ITranslate, path: string, schema: ISchema): IField {
  const kind = kindOf(path, schema);
  const control = kind.control(trans, schema);
  const id = `key-${path}`;
  control.id = id;
  const help = unmarked(schema.description ?? '');
  const usual = schema['x-default'] ? ` ${trans.__('Default: %1.', unmarked(schema['x-default']))}` : '';
  const error = element('p', { className: 'jp-VNC-trouble', attributes: { id: `${id}-error` } });
  control.setAttribute('aria-describedby', `${id}-help ${id}-error`);
  const remove = input({ type: 'checkbox', id: `${id}-remove` });
  const removal = element('p', {
    className: 'jp-VNC-removal',
    children: [remove, element('label', { text: trans.__('Remove it'), attributes: { for: remove.id } })]
  });
  removal.hidden = true;
  const node = element('div', {
    className: 'jp-VNC-field',
    children: [
      element('label', { text: path, attributes: { for: id } }),
      control,
      removal,
      element('p', { className: 'jp-VNC-fieldHelp', text: help + usual, attributes: { id: `${id}-help` } }),
      error
    ]
  });
  let stored = false;
  return {
    path,
    node,
    get filled() {
      return control.value !== '' || stored;
    },
    get value() {
      if (control.value !== '') {
        return kind.read(control.value);
      }
      return stored && !remove.checked ? true : undefined;
    },
    set value(value: unknown) {
      stored = Boolean(schema.writeOnly) && value === true;
      control.value = value === undefined ? '' : kind.show(value);
      removal.hidden = !stored;
      remove.checked = false;
      if (stored) {
        control.setAttribute('placeholder', trans.__('Stored. Leave this empty to keep it.'));
      }
    },
    complain: sentence => {
      error.textContent = sentence;
      control.toggleAttribute('aria-invalid', sentence !== '');
      if (sentence) {
        control.setAttribute('aria-invalid', 'true');
      }
    },
    focus: () => control.focus()
  };
}

/** Every key of a schema with its path; dictionaries have one path for each of their keys. */
export function* pathsOf(schema: ISchema, above = ''): Generator<[string, ISchema]> {
  for (const [name, part] of Object.entries(schema.properties ?? {})) {
    if (part.properties) {
      yield* pathsOf(part, `${above}${name}.`);
    } else {
      yield [above + name, part];
    }
  }
}

/** What a path leads to. */
export function at(keys: Keys, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], keys);
}

/** The keys that fields stand for. */
export function keysOf(fields: readonly IField[]): Keys {
  const keys: Record<string, unknown> = {};
  for (const { path, value } of fields) {
    if (value !== undefined) {
      const [first, second] = path.split('.') as [string, string?];
      keys[first] =
        second === undefined ? value : { ...(keys[first] as object | undefined), [second]: value };
    }
  }
  return keys;
}
