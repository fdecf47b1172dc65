// Usage statistics through Segment's HTTP API.

import { Failure } from './failure.js';
import type { Secrets } from './lib/secrets.js';

export class Tracking {
  readonly #authorization: string;
  readonly #timeout: number;
  readonly #url: URL;

  constructor(secrets: Pick<Secrets, 'segment_write_key' | 'segment_url' | 'call_timeout'>) {
    this.#authorization = `Basic ${Buffer.from(`${secrets.segment_write_key}:`).toString('base64')}`;
    this.#timeout = secrets.call_timeout;
    this.#url = new URL('/v1/track', secrets.segment_url);
  }

  /** Throws a `Failure`. */
  async track(userId: string, event: string): Promise<void> {
    const response = await fetch(this.#url, {
      method: 'POST',
      headers: { authorization: this.#authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ userId, event }),
      signal: AbortSignal.timeout(this.#timeout),
    }).catch(() => undefined);
    if (response?.status === 401) throw new Failure(502, 'Segment refuses our key (estate/segment/write_key)');
    if (!response?.ok) throw new Failure(503, `Segment does not answer: ${response?.status ?? 'nobody is there'}`);
  }
}
