import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { AttendancePage } from '../src/viewer/pages/attendance-page';
import { bounds, type IVisit, stayRow, stays, today } from '../src/viewer/pages/attendance-rows';
import { english } from '../src/viewer/ui/i18n';

const DAY = '2026-03-02';
const visit = (session: string, began: string, ended: string | null, more: Partial<IVisit> = {}): IVisit => ({
  session,
  user: 'ann',
  courses: ['course-a'],
  target: 'lab',
  machine: 'm1',
  server: null,
  began: `${DAY}T${began}:00Z`,
  ended: ended && `${DAY}T${ended}:00Z`,
  ...more
});

/** Do something in a time zone; Node reads the variable at each change. */
function inZone<T>(zone: string, work: () => T): T {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    return work();
  } finally {
    if (before === undefined) {
      delete process.env.TZ;
    } else {
      process.env.TZ = before;
    }
  }
}

describe('the days of attendance', () => {
  const days = [
    ['UTC', '2026-03-02', '2026-03-02', '2026-03-02T00:00:00.000Z', '2026-03-03T00:00:00.000Z'],
    ['Asia/Taipei', '2026-03-02', '2026-03-03', '2026-03-01T16:00:00.000Z', '2026-03-03T16:00:00.000Z'],
    // The day on which summer time begins has 23 hours, and that on which it ends 25.
    ['Europe/Berlin', '2026-03-29', '2026-03-29', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    ['Europe/Berlin', '2026-10-25', '2026-10-25', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    ['UTC', '2026-12-31', '2026-12-31', '2026-12-31T00:00:00.000Z', '2027-01-01T00:00:00.000Z']
  ] as const;
  for (const [zone, first, last, since, until] of days) {
    it(`are whole ones in ${zone}: ${first} to ${last}`, () => {
      assert.deepEqual(
        inZone(zone, () => bounds(first, last)),
        { since, until }
      );
    });
  }

  it('begin with the one that it is where the reader is', () => {
    const late = new Date('2026-03-02T20:00:00Z');
    assert.equal(
      inZone('Asia/Taipei', () => today(late)),
      '2026-03-03'
    );
    assert.equal(
      inZone('UTC', () => today(late)),
      '2026-03-02'
    );
  });
});

describe('visits', () => {
  const spans = (visits: IVisit[]): unknown[] =>
    stays(visits).map(({ session, began, ended }) => [session, began.slice(11, 16), ended?.slice(11, 16)]);

  it('of one person at one desktop are one stay, also in two tabs and in any order', () => {
    const one = visit('1', '08:00', '08:30');
    const again = visit('2', '08:35', '09:00');
    const beside = visit('3', '08:10', '08:20');
    assert.deepEqual(spans([again, beside, one]), [['1', '08:00', '09:00']]);
    assert.deepEqual(spans([visit('4', '09:01', null), one, again]), [['1', '08:00', undefined]]);
    assert.deepEqual(spans([visit('5', '08:10', '08:20'), visit('6', '08:00', null)]), [
      ['6', '08:00', undefined]
    ]);
  });

  it('that are further apart, elsewhere or of others are not', () => {
    const one = visit('1', '08:00', '08:30');
    const others = [
      visit('2', '08:36', '09:00'),
      visit('3', '08:20', '08:40', { machine: 'm2' }),
      visit('4', '08:21', '08:40', { user: 'amy' }),
      visit('5', '08:22', '08:40', { machine: null, server: '' })
    ];
    assert.deepEqual(
      stays([one, ...others]).map(({ session }) => session),
      ['2', '5', '4', '3', '1']
    );
  });

  it('say who, where, from when to when and how long', () => {
    const cells = (one: IVisit): readonly string[] =>
      stayRow(english, one, Date.parse(`${DAY}T10:00:00Z`)).cells;
    const [name, where, course, began, ended, long] = cells(visit('1', '08:00', '08:45'));
    assert.deepEqual([name, where, course, long], ['ann', 'lab · m1', 'course-a', '45 min']);
    assert.match(began!, /2026/);
    assert.notEqual(began, ended);
    const own = cells(visit('1', '08:00', null, { server: '', machine: null }));
    assert.deepEqual([own[1], own[4], own[5]], ['lab · own server', 'still there', '2 h 0 min']);
    assert.equal(cells(visit('1', '08:00', '09:00', { server: 'gpu' }))[1], 'lab · own server gpu');
    assert.equal(cells(visit('1', '10:01', null))[5], '0 min'); // clocks differ
  });
});

describe('the page of attendance', () => {
  const answers: object[] = [];
  const asked: URL[] = [];
  const answer = (rows: IVisit[], next: string | null = null, kept_days = 90): object => ({
    rows,
    next,
    courses: ['course-a'],
    kept_days
  });
  const open = async (): Promise<AttendancePage> => {
    asked.length = 0;
    document.body.dataset.root = '/vnc/';
    document.body.innerHTML = `<p id="trouble"></p><form id="question"><input id="first"><input id="last">
      <input id="course"><input id="person"><datalist id="courses"></datalist><a id="export"></a></form>
      <p id="result"></p><section id="visits"><table><thead></thead><tbody></tbody></table><p data-empty></p>
      <button id="more" hidden></button></section><p id="kept"></p>`;
    const fetch = async (url: string): Promise<Response> => {
      asked.push(new URL(url, 'http://hub'));
      const next = answers.shift()! as { status?: number };
      return new Response(JSON.stringify(next), { status: next.status ?? 200 });
    };
    Object.assign(globalThis, { fetch });
    const page = new AttendancePage(document.body, english);
    await page.ask();
    return page;
  };
  const part = <T extends HTMLElement = HTMLElement>(id: string): T =>
    document.body.querySelector<T>(`#${id}`)!;
  const shown = (): number => part('visits').querySelectorAll('tbody tr').length;
  const until = async (condition: () => boolean): Promise<void> => {
    for (const end = Date.now() + 30_000; !condition() && Date.now() < end;) {
      await new Promise(resolve => setTimeout(resolve, 5));
    }
  };

  it('asks for today, says who was there, and leads to the same as a file', async () => {
    answers.push(answer([visit('1', '08:00', '09:00'), visit('2', '08:00', null, { user: '<b>amy' })]));
    await open();
    const { searchParams, pathname } = asked[0]!;
    assert.equal(pathname, '/vnc/api/attendance');
    const day = part<HTMLInputElement>('first').value;
    assert.match(day, /^\d{4}-\d\d-\d\d$/);
    assert.equal(searchParams.get('since'), bounds(day, day).since);
    assert.equal(shown(), 2);
    assert.equal(part('result').textContent, '2 people were at a desktop.');
    assert.match(part('kept').textContent!, /kept for 90 days/);
    assert.match(part('visits').textContent!, /<b>amy/);
    assert.equal(part('courses').innerHTML, '<option value="course-a"></option>');
    const file = new URL(part('export').getAttribute('href')!, 'http://hub').searchParams;
    assert.deepEqual([file.get('format'), file.get('since')], ['csv', searchParams.get('since')]);
  });

  it('asks again for what the fields say, and no day ends before it begins', async () => {
    answers.push(answer([], null, 0));
    await open();
    assert.equal(part('visits').querySelector('[data-empty]')!.textContent, 'No visit matches.');
    assert.equal(part('result').textContent, '');
    assert.match(part('kept').textContent!, /keeps no visits/);
    part<HTMLInputElement>('first').value = '2199-03-02';
    part<HTMLInputElement>('course').value = ' course-a ';
    answers.push(answer([visit('1', '08:00', '09:00')]));
    part('question').dispatchEvent(new Event('change'));
    await until(() => shown() === 1);
    const { searchParams } = asked[1]!;
    assert.deepEqual([part<HTMLInputElement>('last').value, shown()], ['2199-03-02', 1]);
    assert.equal(searchParams.get('until'), bounds('2199-03-02', '2199-03-02').until);
    assert.equal(searchParams.get('course'), 'course-a');
  });

  it('goes on where an answer ended, and joins what belongs together', async () => {
    answers.push(answer([visit('2', '08:40', '09:00')], 'place'));
    await open();
    assert.deepEqual([part('more').hidden, part('result').textContent], [false, '']);
    answers.push(answer([visit('1', '08:00', '08:39'), visit('3', '07:00', '07:30')]));
    part('more').click();
    await until(() => shown() === 2);
    assert.equal(asked[1]!.searchParams.get('after'), 'place');
    assert.deepEqual([shown(), part('more').hidden], [2, true]);
    assert.equal(part('result').textContent, '1 person was at a desktop.');
    assert.equal(document.activeElement, part('person'));
  });

  it('goes on only in the answer to what the fields say', async () => {
    answers.push(answer([visit('1', '08:00', '09:00')], 'place'));
    const page = await open();
    const waiting: ((response: Response) => void)[] = [];
    const fetch = async (): Promise<Response> => new Promise(resolve => waiting.push(resolve));
    Object.assign(globalThis, { fetch });
    const late = page.ask();
    assert.ok(part('more').hidden, 'until there is an answer');
    const last = page.ask();
    waiting[1]!(new Response(JSON.stringify(answer([visit('2', '08:00', '09:00')], 'elsewhere'))));
    await last;
    waiting[0]!(new Response('{"message": "The database does not answer."}', { status: 503 }));
    await late;
    assert.deepEqual([part('trouble').textContent, part('more').hidden, shown()], ['', false, 1]);
  });

  it('says what is wrong, and keeps what it has', async () => {
    answers.push(answer([visit('1', '08:00', '09:00')]));
    const page = await open();
    answers.push({ status: 503, message: 'The database does not answer.', reason: 'store_unavailable' });
    await page.ask();
    assert.deepEqual([part('trouble').textContent, shown()], ['The database does not answer.', 1]);
    answers.push(answer([]));
    await page.ask();
    assert.deepEqual([part('trouble').textContent, shown()], ['', 0]);
  });
});
