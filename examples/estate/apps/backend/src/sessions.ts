// Session tokens: JSON Web Tokens, signed and checked with `jwt/secret`.

import { jwtVerify, SignJWT } from 'jose';

import { Failure } from './failure.js';
import type { Secrets } from './lib/secrets.js';

const ALGORITHM = 'HS256';

export interface Session {
  readonly email: string;
  readonly expires_at: string;
}

export class Sessions {
  readonly #key: Uint8Array;
  readonly #lifetime: number;

  constructor(secrets: Pick<Secrets, 'jwt_secret' | 'jwt_lifetime'>) {
    this.#key = new TextEncoder().encode(secrets.jwt_secret);
    this.#lifetime = secrets.jwt_lifetime;
  }

  async open(email: string): Promise<Session & { readonly token: string }> {
    const expires = new Date(Date.now() + this.#lifetime);
    const token = await new SignJWT()
      .setProtectedHeader({ alg: ALGORITHM })
      .setSubject(email)
      .setIssuedAt()
      .setExpirationTime(expires)
      .sign(this.#key);
    return { email, expires_at: expires.toISOString(), token };
  }

  /** Throws a `Failure` for a token that is not ours, was changed, or has run out. */
  async check(token: string): Promise<Session> {
    const payload = await jwtVerify(token, this.#key, { algorithms: [ALGORITHM], requiredClaims: ['sub', 'exp'] }).then(
      (verified) => verified.payload,
      () => undefined,
    );
    if (!payload?.sub || !payload.exp) throw new Failure(401, 'the session has run out, or is not ours: sign in again');
    return { email: payload.sub, expires_at: new Date(payload.exp * 1_000).toISOString() };
  }
}
