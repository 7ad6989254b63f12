/**
 * Maintenance: taking a target, or machines of its pool, out of service and back.
 */
import type { ITranslate } from '../ui/i18n';
import { type IRow, type IRowAction, LiveTable } from '../ui/live-table';
import { unattended } from '../ui/report';
import { type IRegistered, type RegistryAPI, pathOf } from './admin-api';

const BEGIN = 'maintain';
const END = 'serve';

/** What begins or ends maintenance, as it is now. */
export const maintenanceAction = (trans: ITranslate, out: boolean): IRowAction =>
  out ? { id: END, word: trans.__('Back in service') } : { id: BEGIN, word: trans.__('Maintenance') };

/** What of a target is in maintenance; empty if nothing is. */
export function maintained(
  trans: ITranslate,
  { maintenance, machines_out }: Pick<IRegistered, 'maintenance' | 'machines_out'>
): string {
  if (maintenance) {
    return trans.__('In maintenance');
  }
  return machines_out.length > 0 ? trans.__('In maintenance: %1', machines_out.join(', ')) : '';
}

/** Take a target or one of its machines out of service or back; return what there is to say. */
export async function maintain(
  api: RegistryAPI,
  trans: ITranslate,
  target: string,
  id: string,
  machine = ''
): Promise<string> {
  const path = [target, machine].filter(Boolean).map(pathOf).join('');
  await api.ask('PUT', path, { maintenance: id === BEGIN }, undefined, 'machines');
  const name = machine || target;
  return id === BEGIN
    ? trans.__('%1 is in maintenance. Nobody new gets it.', name)
    : trans.__('%1 is back in service.', name);
}

/** The machines of one pool. */
export class MachineList {
  /**
   * @param _act - told which machine to take out of service or back
   */
  constructor(
    private readonly _section: HTMLElement,
    private readonly _trans: ITranslate,
    private readonly _act: (target: string, id: string, machine: string) => Promise<void>
  ) {
    this._table = new LiveTable(_section, (machine, id) => unattended(this._act(this._target, id, machine)));
  }

  /** Show the machines of a target, and go there. */
  open(one: IRegistered): void {
    this._target = one.name;
    this._section.querySelector('h2')!.textContent = this._trans.__('Machines of %1', one.name);
    this.show([one]);
    this._section.querySelector<HTMLElement>('h2')!.focus();
  }

  /** Show them as they are now. */
  show(targets: readonly IRegistered[]): void {
    const one = targets.find(({ name }) => name === this._target);
    this._table.show(one ? this._rows(one) : []);
  }

  private _rows({ machines, machines_out, maintenance }: IRegistered): IRow[] {
    // One that has left the pool is named as long as it is out: it may come back.
    return [...new Set([...machines, ...machines_out])].map(machine => {
      const out = machines_out.includes(machine);
      return {
        key: machine,
        cells: [machine, out || maintenance ? this._trans.__('In maintenance') : ''],
        about: machine,
        actions: [maintenanceAction(this._trans, out)]
      };
    });
  }

  private readonly _table: LiveTable;
  private _target = '';
}
