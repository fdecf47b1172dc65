import './test-setup.js';

import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';

import { createApp, type Parts } from './app.js';
import { Failure } from './failure.js';
import { explainSecrets, getSecrets } from './lib/secrets.js';
import { Sessions } from './sessions.js';

const LISTING = { id: 'KREB-00001', address: '1 Teheran-ro', price_krw: '901000000', area_m2: '60.5' };

/** Serve until the test ends; return how to ask, and what was mailed and tracked. */
async function serving(context: TestContext, parts: Partial<Parts> = {}) {
  const done: string[] = [];
  const server = createApp({
    descriptions: { describe: async (id) => `${id}: a home to fall for.` },
    explain: explainSecrets,
    listings: { read: async () => LISTING },
    mail: { send: async (to, subject) => void done.push(`mail ${to} ${subject}`) },
    sessions: new Sessions(getSecrets()),
    tracking: { track: async (user, event) => void done.push(`track ${user} ${event}`) },
    ...parts,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const ask = async (method: string, path: string, body?: unknown, token?: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { connection: 'close', ...(token && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, document: (await response.json()) as Record<string, unknown> };
  };
  return { ask, done };
}

test('who signs in gets a token that opens the listings, and a mail', async (context) => {
  const { ask, done } = await serving(context);
  const opened = await ask('POST', '/sessions', { email: 'kim@estate.example' });
  assert.equal(opened.status, 201);
  const token = String(opened.document['token']);
  assert.equal((await ask('GET', '/sessions', undefined, token)).document['email'], 'kim@estate.example');
  assert.deepEqual((await ask('GET', '/listings/KREB-00001', undefined, token)).document, LISTING);
  assert.deepEqual(done, ['mail kim@estate.example You signed in', 'track kim@estate.example Signed In']);
});

test('a listing is mailed, with its description, to who is signed in', async (context) => {
  const { ask, done } = await serving(context);
  const { token } = await new Sessions(getSecrets()).open('kim@estate.example');
  const mailed = await ask('POST', '/mails', { listing_id: LISTING.id }, token);
  const description = 'KREB-00001: a home to fall for.';
  assert.deepEqual(mailed, { status: 201, document: { listing_id: LISTING.id, to: 'kim@estate.example', description } });
  assert.deepEqual(done, ['mail kim@estate.example 1 Teheran-ro', 'track kim@estate.example Listing Mailed']);
  assert.equal((await ask('POST', '/mails', {}, token)).status, 422);
  assert.equal((await ask('POST', '/mails', { listing_id: LISTING.id })).status, 401);
});

test('a listing without a description is not mailed', async (context) => {
  const refusing = async () => {
    throw new Failure(503, 'nobody is there');
  };
  const { ask, done } = await serving(context, { descriptions: { describe: refusing } });
  const { token } = await new Sessions(getSecrets()).open('kim@estate.example');
  assert.equal((await ask('POST', '/mails', { listing_id: LISTING.id }, token)).status, 503);
  assert.deepEqual(done, []);
});

test('without a token nothing is shown', async (context) => {
  const { ask } = await serving(context);
  for (const path of ['/sessions', '/listings/KREB-00001']) assert.equal((await ask('GET', path)).status, 401);
  assert.equal((await ask('GET', '/sessions', undefined, 'made-up')).status, 401);
});

test('what is asked wrongly is said, and nothing is sent', async (context) => {
  const { ask, done } = await serving(context);
  assert.equal((await ask('POST', '/sessions', '{')).status, 400);
  assert.equal((await ask('POST', '/sessions', { email: 'nobody' })).status, 422);
  assert.equal((await ask('POST', '/sessions', 'x'.repeat(70_000))).status, 413);
  assert.equal((await ask('GET', '/')).status, 404);
  assert.deepEqual(done, []);
});

test('a mail that cannot be sent stops the sign-in, a count that cannot be kept does not', async (context) => {
  const refusing = async () => {
    throw new Failure(502, 'refused');
  };
  const unmailed = await serving(context, { mail: { send: refusing } });
  assert.equal((await unmailed.ask('POST', '/sessions', { email: 'kim@estate.example' })).status, 502);
  assert.deepEqual(unmailed.done, []);
  const uncounted = await serving(context, { tracking: { track: refusing } });
  assert.equal((await uncounted.ask('POST', '/sessions', { email: 'kim@estate.example' })).status, 201);
});

test('an error of somebody else is not shown', async (context) => {
  const { ask } = await serving(context, { mail: { send: () => Promise.reject(new Error('canary')) } });
  const answer = await ask('POST', '/sessions', { email: 'kim@estate.example' });
  assert.deepEqual(answer, { status: 500, document: { detail: 'something went wrong' } });
});

test('health says where each setting came from, and no value', async (context) => {
  const { ask } = await serving(context);
  const { document } = await ask('GET', '/healthz');
  const settings = document['settings'] as { field: string; provider: string; place: string }[];
  const rows = settings.map(({ field, provider, place }) => [field, provider, place].join(' '));
  assert.ok(rows.includes('jwt_secret fixture fixture: jwt_secret'), rows.join('\n'));
  assert.ok(rows.includes('listen_port default the schema'));
  assert.doesNotMatch(JSON.stringify(document), /mock/);
  assert.equal((await ask('GET', '/readyz')).status, 200);
});
