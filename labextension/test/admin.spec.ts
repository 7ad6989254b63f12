import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ISchema } from '../src/viewer/pages/admin-api';
import { field, keysOf, pathsOf } from '../src/viewer/pages/admin-fields';
import { english } from '../src/viewer/ui/i18n';

const make = (path: string, schema: ISchema): ReturnType<typeof field> => field(english, path, schema);
const controlOf = (node: HTMLElement): HTMLInputElement => node.querySelector('input,select,textarea')!;

/** Show a value, change it as a person does, and return what comes out. */
function typed(path: string, schema: ISchema, value: unknown, text?: string): unknown {
  const one = make(path, schema);
  one.value = value;
  if (text !== undefined) {
    controlOf(one.node).value = text;
  }
  return one.value;
}

describe('a field of the admin form', () => {
  it('gives back what it shows', () => {
    assert.equal(typed('host', { type: 'string' }, 'a'), 'a');
    assert.equal(typed('port', { type: 'integer' }, 5901), 5901);
    assert.equal(typed('power', { type: 'boolean' }, false), false);
    assert.equal(typed('mode', { type: 'string', enum: ['view', 'control'] }, 'view'), 'view');
    assert.deepEqual(typed('allow_groups', { type: 'array' }, ['a', 'b']), ['a', 'b']);
    assert.equal(typed('host', { type: 'string' }, undefined), undefined);
  });

  it('leaves what is wrong to the server', () => {
    assert.equal(typed('port', { type: 'integer' }, undefined, 'x'), 'x');
    assert.equal(typed('port', { type: 'integer' }, undefined, '5901'), 5901);
  });

  it('never shows a secret, and keeps it until it is entered or removed', () => {
    const secret: ISchema = { type: ['string', 'boolean'], writeOnly: true };
    const one = make('password', secret);
    one.value = true;
    assert.equal(controlOf(one.node).value, '');
    assert.equal(controlOf(one.node).type, 'password');
    assert.equal(one.value, true);
    controlOf(one.node).value = 'new';
    assert.equal(one.value, 'new');
    controlOf(one.node).value = '';
    one.node.querySelector<HTMLInputElement>('[type=checkbox]')!.checked = true;
    assert.equal(one.value, undefined);
  });

  it('has a line for each machine of a pool', () => {
    const machines: ISchema = { type: ['object', 'array'] };
    const two = { blue: { host: 'a', port: 5901 }, six: { host: '::1', port: 5902 } };
    const one = make('pool.machines', machines);
    one.value = two;
    assert.equal(controlOf(one.node).value, 'blue: a:5901\nsix: [::1]:5902');
    assert.deepEqual(one.value, two);
    assert.deepEqual(typed('pool.machines', machines, undefined, 'a:5901\n[::1]:5902'), [
      'a:5901',
      '[::1]:5902'
    ]);
    const secret = { blue: { host: 'a', password: true } };
    assert.deepEqual(typed('pool.machines', machines, secret), secret);
    assert.equal(typed('pool.machines', machines, undefined, '{'), '{');
  });

  it('says what is wrong where a screen reader finds it', () => {
    const one = make('port', { type: 'integer', description: 'See [it](x.md): `1`.', 'x-default': '5900' });
    one.complain('must be a number');
    const control = controlOf(one.node);
    assert.equal(control.getAttribute('aria-invalid'), 'true');
    const described = control.getAttribute('aria-describedby')!.split(' ');
    const words = described.map(id => one.node.querySelector(`[id="${id}"]`)!.textContent);
    assert.deepEqual(words, ['See it: 1. Default: 5900.', 'must be a number']);
    one.complain('');
    assert.equal(control.hasAttribute('aria-invalid'), false);
  });
});

describe('the form', () => {
  const schema: ISchema = {
    properties: {
      host: { type: 'string' },
      tls: { type: 'object', properties: { mode: { type: 'string' } } }
    }
  };

  it('has a field for each key of a dictionary, and puts them together again', () => {
    const fields = [...pathsOf(schema)].map(([path, part]) => make(path, part));
    assert.deepEqual(
      fields.map(one => one.path),
      ['host', 'tls.mode']
    );
    assert.deepEqual(keysOf(fields), {});
    fields[1]!.value = 'off';
    assert.deepEqual(keysOf(fields), { tls: { mode: 'off' } });
  });
});
