import { settle, World } from './fakes';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Connection, type IStatus, STABLE_AFTER } from '../src/viewer/connection/connection';
import { TokenRefused } from '../src/viewer/connection/grant';
import { closings } from '../src/viewer/connection/status';
import { english } from '../src/viewer/ui/i18n';

function connection(world: World): Connection {
  return new Connection({ ...world.options, screen: world.screen });
}

async function connected(world: World): Promise<Connection> {
  const made = connection(world);
  made.connect();
  await world.succeed();
  assert.equal(made.status.phase, 'connected');
  return made;
}

describe('a connection', () => {
  it('goes through its states, and tells each in a sentence', async () => {
    const world = new World();
    const made = connection(world);
    const told: string[] = [];
    made.changed.on(status => told.push(`${status.phase}: ${status.sentence}`));
    made.connect();
    await world.succeed();
    assert.deepEqual(told, [
      'asking: Connecting to “Lab machine 1”…',
      'connecting: Connecting to “Lab machine 1”…',
      'starting: Waiting for “Lab machine 1” to start and answer…',
      'connected: Connected to “Lab machine 1”.'
    ]);
  });

  it('sends the token as a subprotocol, and nowhere else', async () => {
    const world = new World();
    await connected(world);
    assert.deepEqual(world.socket.protocols, ['binary', 'vnc.token.token-1', 'vnc.notes']);
    assert.equal(world.socket.path, '/user/a%40b/vnc/ws');
  });

  it('asks for a fresh token before every attempt', async () => {
    const world = new World();
    await connected(world);
    await world.end(1006);
    await world.clock.advance(2000);
    await world.succeed();
    await world.end(4502);
    await world.clock.advance(4000);
    await settle();
    assert.equal(world.asked, 3);
    assert.deepEqual(
      world.sockets.map(socket => socket.protocols[1]),
      ['vnc.token.token-1', 'vnc.token.token-2', 'vnc.token.token-3']
    );
  });

  it('waits longer each time, up to a limit, and counts down', async () => {
    const world = new World();
    const made = connection(world);
    made.connect();
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      await settle();
      await world.end(1006);
      assert.equal(made.status.phase, 'waiting');
      waits.push(made.countdown);
      await world.clock.advance(made.countdown * 1000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it('tells each second of a countdown', async () => {
    const world = new World();
    const made = connection(world);
    world.answers = [new TokenRefused(429, '', 5000)];
    made.connect();
    await settle();
    const seconds: number[] = [];
    made.changed.on(() => seconds.push(made.countdown));
    await world.clock.advance(4999);
    assert.deepEqual(seconds, [4, 3, 2, 1]);
  });

  it('starts from the shortest delay after a success that held', async () => {
    const world = new World();
    const made = connection(world);
    made.connect();
    for (let round = 0; round < 4; round += 1) {
      await settle();
      await world.end(1006);
      await world.clock.advance(made.countdown * 1000);
    }
    await world.succeed();
    await world.clock.advance(STABLE_AFTER);
    await world.end(1006);
    assert.equal(made.countdown, 1);
  });

  it('does not take a connection that breaks at once for a success', async () => {
    const world = new World();
    const made = connection(world);
    made.connect();
    const waits: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      await world.succeed();
      await world.end(1006);
      waits.push(made.countdown);
      await world.clock.advance(made.countdown * 1000);
    }
    assert.deepEqual(waits, [1, 2, 4, 8]);
  });

  it('spreads its attempts at random between half and all of a delay', async () => {
    const world = new World();
    const made = new Connection({ ...world.options, random: () => 0, screen: world.screen });
    made.connect();
    await settle();
    await world.end(1006);
    assert.equal(made.status.retryAt! - world.clock.now(), 500);
  });

  it('retries at once when told to, and once only', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1012);
    made.retryNow();
    made.retryNow();
    await settle();
    assert.equal(world.asked, 2);
    await world.clock.advance(5000);
    assert.equal(world.sockets.length, 2);
  });

  it('stops when told to, and leaves nothing behind', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1006);
    made.disconnect();
    assert.equal(made.status.phase, 'idle');
    assert.equal(world.clock.pending, 0);
    await world.clock.advance(60000);
    assert.equal(world.asked, 1);
  });

  it('attempts at once after a sleep that was longer than the wait', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1006);
    world.clock.sleep(3600000);
    assert.equal(made.countdown, 0);
    await world.clock.advance(1000);
    assert.equal(world.asked, 2);
  });

  it('makes no attempt while nobody looks, and the one that is due as soon as somebody does', async () => {
    const world = new World();
    const made = await connected(world);
    made.watched = false;
    await world.end(1006);
    await world.clock.advance(60000);
    assert.equal(world.asked, 1);
    assert.equal(made.status.phase, 'waiting');
    made.watched = true;
    await settle();
    assert.equal(world.asked, 2);
  });
});

describe('the end of a connection', () => {
  for (const [code, closing] of Object.entries(closings(english))) {
    it(`${code} is told, and ${closing.action === 'retry' ? 'tried again' : 'never tried again by itself'}`, async () => {
      const world = new World();
      const made = await connected(world);
      await world.end(Number(code), 'What the server adds.');
      assert.equal(made.status.state, closing.state);
      assert.equal(made.status.sentence, closing.sentence);
      assert.equal(made.status.detail, 'What the server adds.');
      assert.equal(made.status.remedy, closing.action);
      await world.clock.advance(600000);
      await settle();
      assert.equal(world.asked > 1, closing.action === 'retry');
      made.dispose();
    });
  }

  it('without a code says lost when it was open, refused when it never was', async () => {
    const world = new World();
    const made = await connected(world);
    await world.end(1006);
    assert.equal(made.status.state, 'lost');
    made.connect();
    await settle();
    await world.end(1006);
    assert.equal(made.status.state, 'refused');
    assert.equal(made.status.phase, 'waiting');
  });

  it('names what is likely when websockets are refused again and again', async () => {
    const world = new World();
    const made = connection(world);
    made.connect();
    const sentences = new Set<string>();
    for (let round = 0; round < 5; round += 1) {
      await settle();
      await world.end(1006);
      sentences.add(made.status.sentence);
      await world.clock.advance(made.countdown * 1000);
    }
    assert.equal(sentences.size, 2);
    assert.match([...sentences][1]!, /does not pass websockets on/);
  });

  it('does not say twice what the server says too', async () => {
    const world = new World();
    const made = await connected(world);
    for (const [code, reason, detail] of [
      [4502, 'The desktop cannot be reached.', ''],
      [4502, 'The desktop cannot be reached. Connection refused.', 'Connection refused.'],
      [4410, 'This session was ended.', ''],
      [4429, 'At most 8 desktops.', 'At most 8 desktops.'],
      [4429, '', '']
    ] as const) {
      await world.end(code, reason);
      assert.equal(made.status.detail, detail);
      made.connect();
      await world.succeed();
    }
  });

  it('stops when noVNC gives up, or is asked for a secret', async () => {
    for (const [event, state] of [
      ['disconnect', 'garbled'],
      ['credentialsrequired', 'credentials'],
      ['securityfailure', 'credentials']
    ] as const) {
      const world = new World();
      const made = await connected(world);
      world.rfb.say(event, { clean: false });
      await settle();
      assert.equal(made.status.phase, 'stopped', event);
      assert.equal(made.status.state, state);
      assert.ok(world.socket.closed);
      await world.clock.advance(600000);
      assert.equal(world.asked, 1);
    }
  });

  it('hears the close code even though noVNC speaks of the same end', async () => {
    const world = new World();
    const made = await connected(world);
    world.socket.end(4409);
    world.rfb.say('disconnect', { clean: false });
    await settle();
    assert.equal(made.status.state, 'taken-over');
  });
});

describe('a refused token', () => {
  const cases: [number, string, 'waiting' | 'stopped'][] = [
    [0, 'offline', 'waiting'],
    [400, 'protocol', 'stopped'],
    [401, 'login', 'stopped'],
    [403, 'denied', 'stopped'],
    [404, 'gone', 'stopped'],
    [409, 'busy', 'stopped'],
    [418, 'protocol', 'stopped'],
    [429, 'limit', 'waiting'],
    [500, 'internal', 'waiting'],
    [502, 'internal', 'waiting'],
    [503, 'overloaded', 'waiting']
  ];
  for (const [status, state, phase] of cases) {
    it(`${status} is ${state}: ${phase}`, async () => {
      const world = new World();
      world.answers = [new TokenRefused(status)];
      const made = connection(world);
      made.connect();
      await settle();
      assert.equal(made.status.state, state);
      assert.equal(made.status.phase, phase);
      await world.clock.advance(15000);
      assert.equal(world.asked, phase === 'waiting' ? 2 : 1);
      made.dispose();
    });
  }

  it('with Retry-After is not tried again before that', async () => {
    const world = new World();
    world.answers = [new TokenRefused(429, 'At most 60 a minute.', 42000)];
    const made = connection(world);
    made.connect();
    await settle();
    assert.equal(made.countdown, 42);
    assert.equal(made.status.detail, 'At most 60 a minute.');
    await world.clock.advance(41999);
    assert.equal(world.asked, 1);
    await world.clock.advance(1);
    assert.equal(world.asked, 2);
  });
});

describe('a limit', () => {
  it('ends the wait for a token', async () => {
    const world = new World();
    let aborted = false;
    const made = new Connection({
      ...world.options,
      screen: world.screen,
      fetchToken: signal =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(new TypeError('aborted'));
          });
        })
    });
    made.connect();
    await world.clock.advance(20000);
    assert.equal(made.status.state, 'offline');
    assert.ok(aborted);
    made.dispose();
  });

  it('ends the wait for a websocket that never opens, and for a desktop that never answers', async () => {
    const world = new World();
    const made = connection(world);
    made.connect();
    await settle();
    await world.clock.advance(20000);
    assert.equal(made.status.state, 'refused');
    assert.ok(world.sockets[0]!.closed);
    made.retryNow();
    await settle();
    world.socket.open();
    await world.clock.advance(180000);
    assert.equal(made.status.state, 'stalled');
    made.dispose();
  });
});

describe('noVNC', () => {
  it('that cannot be loaded is tried again', async () => {
    const world = new World();
    world.loadFailures = 1;
    const made = connection(world);
    made.connect();
    await settle();
    assert.equal(made.status.state, 'unloaded');
    await world.clock.advance(made.countdown * 1000);
    await world.succeed();
    assert.equal(made.status.phase, 'connected');
  });
});

describe('a disposed connection', () => {
  for (const moment of ['asking', 'connecting', 'starting', 'connected', 'waiting'] as const) {
    it(`that was ${moment} leaves no socket, no timer, and says nothing more`, async () => {
      const world = new World();
      const made = connection(world);
      made.connect();
      if (moment !== 'asking') {
        await settle();
      }
      if (moment === 'starting') {
        world.socket.open();
      }
      if (moment === 'connected') {
        await world.succeed();
      }
      if (moment === 'waiting') {
        await world.end(1006);
      }
      assert.equal(made.status.phase, moment);
      const told: IStatus[] = [];
      made.changed.on(status => told.push(status));
      made.dispose();
      await settle();
      assert.ok(world.sockets.every(socket => socket.closed));
      assert.equal(world.clock.pending, 0);
      made.connect();
      await world.clock.advance(60000);
      await settle();
      assert.deepEqual(told, []);
      assert.ok(world.sockets.length <= 1);
    });
  }
});
