import { settle } from './fakes';

import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';

import { ServerConnection } from '@jupyterlab/services';

import { VNCManager } from '../src/services/manager';
import { TokenRefused } from '../src/viewer/connection/grant';

const TARGET = {
  name: 'lab-1',
  title: 'Lab machine 1',
  description: '',
  icon: '',
  category: 'Desktops',
  mode: 'control',
  state: 'up',
  viewer: { resize: 'remote', quality: 6, compression: 2, clipboard: 'both', power: false }
};

const SESSION = { id: 's1', target: 'lab-1', mode: 'control', user: 'ann', since: 1, bytes_out: 0 };

/** A server that answers as it is told, and remembers what it was asked. */
class FakeServer {
  targets: unknown[] = [TARGET];
  sessions: unknown[] = [];
  desktops: unknown[] = [];
  status = 200;
  asked: string[] = [];
  opened: string[] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost:8888/user/a@b/',
    wsUrl: 'ws://localhost:8888/user/a@b/',
    token: 'server-token',
    appendToken: false,
    fetch: async (input: RequestInfo | URL) => this._answer(input as Request),
    WebSocket: class {
      constructor(url: string, protocols: string[]) {
        record(url, protocols);
      }
    } as unknown as typeof WebSocket
  });

  private async _answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    // JupyterLab adds the time to each URL.
    this.asked.push(`${request.method} ${pathname}${search.replace(/[?&]\d+$/, '')}`);
    const path = pathname.split('/vnc/')[1] ?? '';
    const bodies: Record<string, unknown> = {
      'api/targets': this.targets,
      'api/sessions': this.sessions,
      'api/desktops': this.desktops,
      'api/tokens': { token: 't', expires_in: 30, websocket: '/vnc/ws', target: 'lab-1', mode: 'control' }
    };
    if (request.method === 'DELETE') {
      this.sessions = [];
      return this.status === 200
        ? new Response(null, { status: 204 })
        : new Response(JSON.stringify({ message: 'No.', reason: 'error' }), { status: this.status });
    }
    return new Response(JSON.stringify(bodies[path] ?? {}), { status: this.status });
  }
}

// A poll that is disposed leaves its last timer to run out; the tests need not wait for that.
const { setTimeout: setTimer } = globalThis;
globalThis.setTimeout = ((run: () => void, delay = 0) => {
  const timer = setTimer(run, delay);
  return delay < 5000 ? timer : timer.unref();
}) as typeof setTimer;

let record: (url: string, protocols: string[]) => void = () => undefined;

const managers: VNCManager[] = [];

async function manager(server: FakeServer): Promise<VNCManager> {
  const made = new VNCManager(server.settings, 'never');
  managers.push(made);
  await made.ready;
  return made;
}

afterEach(() => managers.splice(0).forEach(made => made.dispose()));

describe('the manager', () => {
  it('knows the targets of the server, asked for without counting as activity', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    assert.deepEqual(made.targets, [TARGET]);
    assert.equal(made.find('lab-1')?.title, 'Lab machine 1');
    assert.equal(made.find('other'), undefined);
    assert.deepEqual(server.asked.sort(), [
      'GET /user/a@b/vnc/api/desktops?no_track_activity=1',
      'GET /user/a@b/vnc/api/sessions?no_track_activity=1',
      'GET /user/a@b/vnc/api/targets?no_track_activity=1'
    ]);
  });

  it('tells when a target comes or changes its state, and is silent otherwise', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    let told = 0;
    made.targetsChanged.connect(() => (told += 1));
    await made.refresh();
    assert.equal(told, 0);
    server.targets = [TARGET, { ...TARGET, name: 'lab-2' }];
    await made.refresh();
    assert.equal(told, 1);
    server.targets = [{ ...TARGET, state: 'down' }];
    await made.refresh();
    assert.equal(told, 2);
  });

  it('tells of sessions that come and go, and not of their bytes', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    let told = 0;
    made.sessionsChanged.connect(() => (told += 1));
    server.sessions = [SESSION];
    await made.refresh();
    server.sessions = [{ ...SESSION, bytes_out: 10 }];
    await made.refresh();
    assert.equal(told, 1);
    await made.endSession('s1');
    assert.equal(told, 2);
    assert.ok(server.asked.includes('DELETE /user/a@b/vnc/api/sessions/s1'));
  });

  it('takes a session that is gone already for ended, and reports other failures', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    server.status = 404;
    await made.endSession('s1');
    server.status = 500;
    await assert.rejects(made.endSession('s1'));
  });

  it('is ready, with nothing, when the server does not answer; and keeps what it knew', async () => {
    const server = new FakeServer();
    server.status = 500;
    const made = await manager(server);
    assert.deepEqual(made.targets, []);
    server.status = 200;
    await made.refresh();
    server.status = 500;
    await made.refresh();
    assert.deepEqual(made.targets, [TARGET]);
  });

  it('asks for tokens, and passes refusals on', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    const { signal } = new AbortController();
    assert.equal((await made.requestToken('lab-1', 'control', signal)).token, 't');
    server.status = 404;
    await assert.rejects(made.requestToken('lab-1', 'control', signal), TokenRefused);
  });

  it('opens websockets at the path that was granted, with no token in the URL', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    const opened: unknown[] = [];
    record = (url, protocols) => opened.push(url, protocols);
    made.openSocket('/user/a%40b/vnc/ws', ['binary', 'vnc.token.t']);
    assert.deepEqual(opened, ['ws://localhost:8888/user/a%40b/vnc/ws', ['binary', 'vnc.token.t']]);
  });

  it('asks nothing after it was disposed', async () => {
    const server = new FakeServer();
    const made = await manager(server);
    made.dispose();
    const before = server.asked.length;
    await made.refresh();
    await settle();
    assert.equal(server.asked.length, before);
    assert.ok(made.isDisposed);
  });

  it('lists the desktops that run, and shuts one down', async () => {
    const server = new FakeServer();
    server.desktops = [
      { name: 'mine', state: 'up', since: 1, message: '' },
      { name: 'old', state: 'stopped', since: 1, message: '' }
    ];
    const made = await manager(server);
    assert.deepEqual(made.desktops, [{ name: 'mine', state: 'up' }]);
    server.desktops = [];
    await made.stopDesktop('mine');
    assert.ok(server.asked.includes('DELETE /user/a@b/vnc/api/desktops/mine'));
    assert.deepEqual(made.desktops, []);
  });
});
