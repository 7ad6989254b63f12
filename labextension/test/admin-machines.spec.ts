import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { IRegistered } from '../src/viewer/pages/admin-api';
import { changeRow } from '../src/viewer/pages/admin-history';
import { MachineList } from '../src/viewer/pages/admin-machines';
import { element } from '../src/viewer/ui/dom';
import { english } from '../src/viewer/ui/i18n';

const pool = (machines: string[], machines_out: string[]): IRegistered =>
  ({ name: 'lab', machines, machines_out, maintenance: false }) as unknown as IRegistered;

describe('the machines of a pool', () => {
  const section = element('section', { attributes: { id: 'machines' } });
  section.innerHTML = '<h2 tabindex="-1"></h2><table><thead><tr></tr></thead><tbody></tbody></table>';
  section.append(element('p', { attributes: { 'data-empty': '' } }));
  const deeds: string[][] = [];
  const list = new MachineList(section, english, async (...deed) => void deeds.push(deed));
  const said = (): string[] => [...section.querySelectorAll('tbody tr')].map(row => row.textContent ?? '');

  it('are taken out and back by themselves, also one that has left the pool', () => {
    list.open(pool(['m1', 'm2'], ['m2', 'old']));
    assert.deepEqual(said(), [
      'm1Maintenance',
      'm2In maintenanceBack in service',
      'oldIn maintenanceBack in service'
    ]);
    section.querySelectorAll<HTMLElement>('button').forEach(one => one.click());
    assert.deepEqual(deeds, [
      ['lab', 'maintain', 'm1'],
      ['lab', 'serve', 'm2'],
      ['lab', 'serve', 'old']
    ]);
    list.show([]);
    assert.deepEqual(said(), []);
  });
});

describe('the history', () => {
  it('names the machine, and says no more than that', () => {
    const change = { at: '2026-01-01T00:00:00Z', by: 'ada', local: [], secrets: [], target: 'lab' };
    const row = changeRow(
      english,
      { ...change, action: 'maintain', machine: 'm1', changed: { maintenance: [false, true] } },
      0
    );
    assert.deepEqual(row.cells.slice(1), ['ada', 'lab / m1', 'Taken out of service']);
  });
});
