import './dom';

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readGrant, TokenRefused } from '../src/viewer/connection/grant';
import { loaderOf } from '../src/viewer/engine/novnc';

const GRANT = { token: 't', expires_in: 30, websocket: '/vnc/ws', target: 'a', mode: 'control' };

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers });
}

async function refusal(response: Response): Promise<TokenRefused> {
  try {
    await readGrant(response);
  } catch (error) {
    assert.ok(error instanceof TokenRefused);
    return error;
  }
  throw new assert.AssertionError({ message: 'a grant was read' });
}

describe('the answer to a request for a token', () => {
  it('is a grant', async () => {
    assert.deepEqual(await readGrant(answer(201, GRANT)), GRANT);
  });

  const cases: [string, Response, number][] = [
    ['a login page where JSON was due', answer(200, '<html>Log in</html>'), 401],
    ['a grant without a token', answer(201, { ...GRANT, token: undefined }), 400],
    ['Jupyter’s 403 for a stranger', answer(403, { message: 'Forbidden', reason: null }), 401],
    ['our own 403', answer(403, { message: 'You may not.', reason: 'not_permitted' }), 403],
    ['our own 403 for another origin', answer(403, { message: 'A proxy…', reason: 'origin' }), 421],
    ['our own 403 for an expired login', answer(403, { message: 'Expired.', reason: 'login_expired' }), 401],
    [
      'the authorizer’s 403',
      answer(403, { message: 'User is not authorized to write on resource: vnc.', reason: null }),
      403
    ],
    ['a 403 of a proxy in between', answer(403, 'no'), 401],
    [
      'a page of a hub that does not know the way',
      answer(403, '<html>_xsrf</html>', { 'X-JupyterHub-Version': '6.1.1' }),
      0
    ],
    ['a hub that has not found the server', answer(424, { message: 'ann is not running' }), 0],
    [
      'a page of a proxy that does not know the way to the hub',
      answer(404, '<html>404: Not Found</html>'),
      0
    ],
    ['not found', answer(404, { message: 'There is no such desktop.', reason: 'not_found' }), 404],
    ['a bad gateway', answer(502, '<html></html>'), 502]
  ];
  for (const [name, response, status] of cases) {
    it(`that is ${name} counts as ${status}`, async () => {
      assert.equal((await refusal(response)).status, status);
    });
  }

  it('tells our sentences, and not those of others', async () => {
    const ours = await refusal(answer(404, { message: 'There is no such desktop.', reason: 'not_found' }));
    const others = await refusal(answer(500, { message: 'Traceback (most recent call last)', reason: null }));
    assert.deepEqual([ours.message, others.message], ['There is no such desktop.', '']);
  });

  it('tells how long to wait, whatever the header holds', async () => {
    for (const [header, wait] of [
      ['7', 7000],
      ['-1', 0],
      ['Wed, 21 Oct 2026 07:28:00 GMT', 0]
    ] as const) {
      const refused = await refusal(answer(429, { message: '', reason: 'limit' }, { 'Retry-After': header }));
      assert.equal(refused.retryAfter, wait);
    }
  });
});

describe('the loader of noVNC', () => {
  it('asks for one URL with the version, and for another after a failure', async () => {
    const asked: string[] = [];
    const load = loaderOf('/user/a%40b/vnc/', '1.2', async url => {
      asked.push(url);
      if (asked.length === 1) {
        throw new TypeError('Failed to fetch');
      }
      return { default: class {} as never };
    });
    await assert.rejects(load());
    await load();
    assert.deepEqual(asked, [
      '/user/a%40b/vnc/static/novnc/rfb.js?v=1.2',
      '/user/a%40b/vnc/static/novnc/rfb.js?v=1.2&retry=1'
    ]);
  });
});
