/**
 * The page of attendance: who was at their desktop, by day, course and name.
 */
import { element } from '../ui/dom';
import type { ITranslate } from '../ui/i18n';
import { Latest } from '../ui/latest-answer';
import { LiveTable } from '../ui/live-table';
import { unattended } from '../ui/report';
import { RegistryAPI } from './admin-api';
import { bounds, type IAttendance, type IVisit, stayRow, stays, today } from './attendance-rows';

/** The page. */
export class AttendancePage {
  constructor(
    private readonly _body: HTMLElement,
    private readonly _trans: ITranslate
  ) {
    this._root = _body.dataset.root ?? './';
    this._api = new RegistryAPI(this._root, _trans);
    this._table = new LiveTable(this._part('visits'));
    this._input('first').value = this._input('last').value = today();
    const ask = (): void => unattended(this.ask());
    this._part('question').addEventListener('change', ask);
    this._part('question').addEventListener('submit', event => {
      event.preventDefault();
      ask();
    });
    this._part('more').addEventListener('click', () => unattended(this._goOn()));
  }

  /** Ask for what the fields say, and show it. */
  async ask(): Promise<void> {
    const [first, last] = [this._input('first'), this._input('last')];
    first.value ||= today();
    last.value = last.value < first.value ? first.value : last.value;
    this._query = new URLSearchParams(bounds(first.value, last.value));
    for (const key of ['course', 'person']) {
      this._query.set(key, this._input(key).value.trim());
    }
    this._part('export').setAttribute('href', `${this._root}api/attendance?${this._query}&format=csv`);
    // Where the last answer ended is no place in another one.
    this._next = null;
    this._part('more').hidden = true;
    await this._load([]);
  }

  private async _goOn(): Promise<void> {
    const before = this._visits.length;
    await this._load(this._visits, this._next ?? '');
    const more = this._part('more');
    if (more.hidden && this._visits.length > before) {
      this._input('person').focus(); // the button that had it is gone
    }
  }

  private async _load(before: readonly IVisit[], after = ''): Promise<void> {
    const query = `?${this._query}${after && `&after=${encodeURIComponent(after)}`}`;
    const asked = this._api.ask<IAttendance>('GET', query, undefined, undefined, 'attendance');
    const [answer] = (await this._latest.of(Promise.allSettled([asked]))) ?? [];
    if (answer?.status === 'fulfilled') {
      this._visits = [...before, ...answer.value.rows];
      this._next = answer.value.next;
      this._part('trouble').textContent = '';
      this._show(answer.value);
    } else if (answer) {
      this._part('trouble').textContent = (answer.reason as Error).message;
    }
  }

  private _show({ courses, kept_days }: IAttendance): void {
    const trans = this._trans;
    const shown = stays(this._visits);
    const people = new Set(shown.map(one => one.user)).size;
    const all = this._next === null; // how many there are is not known before
    this._part('result').textContent =
      all && people > 0
        ? trans._n('%1 person was at a desktop.', '%1 people were at a desktop.', people, String(people))
        : '';
    this._part('visits').querySelector('[data-empty]')!.textContent = all
      ? trans.__('No visit matches.')
      : '';
    this._table.show(shown.map(one => stayRow(trans, one)));
    this._part('more').hidden = this._next === null;
    courses.forEach(one => this._courses.add(one));
    const options = [...this._courses].sort().map(value => element('option', { attributes: { value } }));
    this._part('courses').replaceChildren(...options);
    const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
    this._part('kept').textContent = [
      kept_days
        ? trans.__('Visits are kept for %1 days.', String(kept_days))
        : trans.__('This service keeps no visits.'),
      trans.__('Visits less than five minutes apart are shown as one; the file has each of them.'),
      trans.__('Days and times on this page: %1. Times in the file: UTC.', timeZone)
    ].join(' ');
  }

  private _input(id: string): HTMLInputElement {
    return this._part(id) as HTMLInputElement;
  }

  private _part(id: string): HTMLElement {
    return this._body.querySelector<HTMLElement>(`#${id}`)!;
  }

  private readonly _root: string;
  private readonly _api: RegistryAPI;
  private readonly _table: LiveTable;
  private readonly _latest = new Latest();
  private readonly _courses = new Set<string>();
  private _query = new URLSearchParams();
  private _visits: readonly IVisit[] = [];
  private _next: string | null = null;
}
