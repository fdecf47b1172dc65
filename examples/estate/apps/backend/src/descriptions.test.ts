import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';

import { Descriptions } from './descriptions.js';

/** An AI service that always answers the same; what it was asked is kept. */
async function answering(context: TestContext, status: number, text: string) {
  const asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks = await request.setEncoding('utf8').toArray();
    asked.push([request.url, JSON.parse(chunks.join(''))]);
    response.writeHead(status).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { asked, descriptions: new Descriptions({ ai_url: `http://127.0.0.1:${port}`, call_timeout: 5_000 }) };
}

test('a description is asked for by the id of the listing', async (context) => {
  const { asked, descriptions } = await answering(context, 200, '{"description": "A home to fall for."}');
  assert.equal(await descriptions.describe('KREB-00001'), 'A home to fall for.');
  assert.deepEqual(asked, [['/describe', { listing_id: 'KREB-00001' }]]);
});

for (const [given, text, status, message] of [
  [404, '{}', 404, 'there is no such listing'],
  [503, '{}', 503, 'the AI service does not do it: 503'],
  [200, '{"description": ""}', 502, "the AI service's answer is not as agreed"],
  [200, 'hello', 502, "the AI service's answer is not as agreed"],
] as const) {
  test(`an answer of ${given} with ${text} is said as ${status}`, async (context) => {
    const { descriptions } = await answering(context, given, text);
    await assert.rejects(descriptions.describe('KREB-00001'), { name: 'Failure', status, message });
  });
}

test('an AI service that nobody answers for is 503', async () => {
  const descriptions = new Descriptions({ ai_url: 'http://127.0.0.1:9', call_timeout: 5_000 });
  const message = 'the AI service does not do it: nobody is there';
  await assert.rejects(descriptions.describe('KREB-00001'), { status: 503, message });
});
