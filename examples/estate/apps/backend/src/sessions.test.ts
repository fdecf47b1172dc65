import { MOCKS } from './test-setup.js';

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { SignJWT } from 'jose';

import { getSecrets } from './lib/secrets.js';
import { Sessions } from './sessions.js';

const sessions = new Sessions(getSecrets());
const refused = { name: 'Failure', status: 401 };

test('a session that was opened is known again', async () => {
  const { token, expires_at } = await sessions.open('kim@estate.example');
  const session = await sessions.check(token);
  assert.equal(session.email, 'kim@estate.example');
  assert.equal(session.expires_at.slice(0, 19), expires_at.slice(0, 19));
});

test('a token that was changed is refused', async () => {
  const { token } = await sessions.open('kim@estate.example');
  const [header, , signature] = token.split('.');
  const payload = Buffer.from(JSON.stringify({ sub: 'lee@estate.example', exp: 9_999_999_999 })).toString('base64url');
  await assert.rejects(sessions.check(`${header}.${payload}.${signature}`), refused);
});

test('a token that says it needs no signature is refused', async () => {
  const parts = [{ alg: 'none' }, { sub: 'lee@estate.example', exp: 9_999_999_999 }];
  const [header, payload] = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  await assert.rejects(sessions.check(`${header}.${payload}.`), refused);
});

test('a token of another key is refused', async () => {
  const other = new Sessions({ jwt_secret: `${MOCKS.jwt_secret}-other`, jwt_lifetime: 60_000 });
  const { token } = await other.open('kim@estate.example');
  await assert.rejects(sessions.check(token), refused);
});

test('a token that has run out, and one that never would, are refused', async () => {
  const old = new Sessions({ jwt_secret: MOCKS.jwt_secret, jwt_lifetime: -60_000 });
  const { token } = await old.open('kim@estate.example');
  await assert.rejects(sessions.check(token), refused);
  const key = new TextEncoder().encode(MOCKS.jwt_secret);
  const endless = await new SignJWT().setProtectedHeader({ alg: 'HS256' }).setSubject('kim@estate.example').sign(key);
  await assert.rejects(sessions.check(endless), refused);
});
