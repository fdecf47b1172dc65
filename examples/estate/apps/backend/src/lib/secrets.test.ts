import { MOCKS } from '../test-setup.js';

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';

import { ConfigurationError, getSecrets, loadSecrets } from './secrets.js';

test('code gets the values', () => {
  assert.equal(getSecrets().jwt_secret, MOCKS.jwt_secret);
  assert.equal(getSecrets().listen_port, 8080);
});

test('console, JSON and assertions show no secret', () => {
  const shown = [inspect(getSecrets()), JSON.stringify(getSecrets()), inspect(getSecrets(), { customInspect: false })];
  assert.throws(
    () => assert.deepEqual(getSecrets(), {}),
    (error: Error) => shown.push(error.message) > 0,
  );
  assert.doesNotMatch(shown.join(), /mock/);
  assert.match(JSON.stringify(getSecrets()), /"jwt_secret":"\*{10}"/);
  assert.match(inspect(getSecrets()), /listen_port: 8080/);
});

test('values cannot be changed', () => {
  const values = getSecrets() as { jwt_secret: string };
  assert.throws(() => (values.jwt_secret = 'other'), TypeError);
});

test('mock credentials that are not complete are reported as production would, and the old ones stay', async () => {
  const { jwt_secret: _, ...others } = MOCKS;
  await assert.rejects(loadSecrets({ environment: 'test', values: others }), (error: unknown) => {
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(
      error.problems.map(({ field, code }) => [field, code]),
      [['jwt_secret', 'MISSING']],
    );
    return true;
  });
  assert.equal(getSecrets().jwt_secret, MOCKS.jwt_secret);
});

test('mock credentials for nothing are an error', async () => {
  await assert.rejects(loadSecrets({ environment: 'test', values: { ...MOCKS, jwt_secert: 'x' } }), /jwt_secert/);
});
