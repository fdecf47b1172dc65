// The HTTP side: what is asked, who may ask, and what is answered. Made by a function, so that tests can make one.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import { z } from 'zod';

import type { Descriptions } from './descriptions.js';
import { Failure } from './failure.js';
import type { explainSecrets } from './lib/secrets.js';
import type { Listings } from './listings.js';
import type { Mail } from './mail.js';
import type { Session, Sessions } from './sessions.js';
import type { Tracking } from './tracking.js';

export interface Parts {
  readonly descriptions: Pick<Descriptions, 'describe'>;
  readonly explain: typeof explainSecrets;
  readonly listings: Pick<Listings, 'read'>;
  readonly mail: Pick<Mail, 'send'>;
  readonly sessions: Pick<Sessions, 'open' | 'check'>;
  readonly tracking: Pick<Tracking, 'track'>;
}

type Answer = readonly [status: number, document: object];

const BODY = 65_536; // bytes of a request at most
const SignIn = z.object({ email: z.email() });
const Wanted = z.object({ listing_id: z.string().min(1).max(64) });

export function createApp(parts: Parts): Server {
  return createServer((request, response) => {
    answer(parts, request)
      .catch((error: unknown): Answer => {
        if (error instanceof Failure) return [error.status, { detail: error.message }];
        // Only its name: what an SDK or a driver says may hold a value.
        console.error(`${request.method} failed: ${error instanceof Error ? error.name : typeof error}`);
        return [500, { detail: 'something went wrong' }];
      })
      .then(([status, document]) => send(response, status, document));
  });
}

async function answer(parts: Parts, request: IncomingMessage): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const [, first, second] = pathname.split('/');
  switch (`${request.method} /${first}`) {
    case 'GET /healthz':
    case 'GET /readyz': // it starts complete, and does not go stale
      return [200, { status: 'ok', ...parts.explain() }];
    case 'POST /sessions':
      return signIn(parts, SignIn.safeParse(await body(request)));
    case 'GET /sessions':
      return [200, await session(parts, request)];
    case 'GET /listings':
      await session(parts, request);
      return [200, await parts.listings.read(second ?? '')];
    case 'POST /mails':
      return mailListing(parts, await session(parts, request), Wanted.safeParse(await body(request)));
    default:
      throw new Failure(404, 'there is no such page');
  }
}

/** Open a session, and say so by mail. */
async function signIn(
  { mail, sessions, tracking }: Parts,
  asked: z.ZodSafeParseResult<{ email: string }>,
): Promise<Answer> {
  if (!asked.success) throw new Failure(422, 'give an e-mail address: {"email": "…"}');
  const { email } = asked.data;
  await mail.send(email, 'You signed in', 'Somebody signed in with this address. If it was not you, tell us.');
  await count(tracking, email, 'Signed In');
  return [201, await sessions.open(email)];
}

/** Mail a listing to who is signed in, with what the AI service writes about it. */
async function mailListing(
  { descriptions, listings, mail, tracking }: Parts,
  { email }: Session,
  asked: z.ZodSafeParseResult<{ listing_id: string }>,
): Promise<Answer> {
  if (!asked.success) throw new Failure(422, 'say which listing: {"listing_id": "…"}');
  const { id, address } = await listings.read(asked.data.listing_id);
  const description = await descriptions.describe(id);
  await mail.send(email, address, description);
  await count(tracking, email, 'Listing Mailed');
  return [201, { listing_id: id, to: email, description }];
}

/** That something is not counted stops nobody. */
function count(tracking: Parts['tracking'], email: string, event: string): Promise<void> {
  return tracking.track(email, event).catch((error: unknown) => {
    console.warn(`not counted: ${error instanceof Failure ? error.message : 'something went wrong'}`);
  });
}

async function session({ sessions }: Parts, request: IncomingMessage): Promise<Session> {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  if (scheme !== 'Bearer' || !token) throw new Failure(401, 'sign in first: POST /sessions');
  return sessions.check(token);
}

async function body(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length > BODY) throw new Failure(413, 'that is too much');
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Failure(400, 'that is no JSON');
  }
}

function send(response: ServerResponse, status: number, document: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}
