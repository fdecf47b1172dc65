// What the AI service writes about a listing.

import { z } from 'zod';

import { Failure } from './failure.js';
import type { Secrets } from './lib/secrets.js';

const Answer = z.object({ description: z.string().min(1) });

export class Descriptions {
  readonly #timeout: number;
  readonly #url: URL;

  constructor(secrets: Pick<Secrets, 'ai_url' | 'call_timeout'>) {
    this.#timeout = secrets.call_timeout;
    this.#url = new URL('/describe', secrets.ai_url);
  }

  /** Throws a `Failure`: 404 for no such listing, 502 for an answer not as agreed, 503 for none. */
  async describe(id: string): Promise<string> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ listing_id: id }),
      signal: AbortSignal.timeout(this.#timeout),
    }).catch(() => undefined);
    if (response?.status === 404) throw new Failure(404, 'there is no such listing');
    if (!response?.ok) throw new Failure(503, `the AI service does not do it: ${response?.status ?? 'nobody is there'}`);
    const answer = Answer.safeParse(await response.json().catch(() => undefined));
    if (!answer.success) throw new Failure(502, "the AI service's answer is not as agreed");
    return answer.data.description;
  }
}
