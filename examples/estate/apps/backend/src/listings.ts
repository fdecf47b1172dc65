// Listings, out of PostgreSQL. The driver's own words are never shown: they hold parts of the URL.

import pg from 'pg';

import { Failure } from './failure.js';
import type { Secrets } from './lib/secrets.js';

const CONNECT = 3_000;
const STATEMENT = 10_000;

/** By SQLSTATE (PostgreSQL, appendix A), or by the system's code while connecting. */
const WORDS: Readonly<Record<string, string>> = {
  '28P01': 'it refuses the user or the password',
  '3D000': 'it has no such database',
  '42P01': 'the table is not there yet: run the ETL job once',
  '57014': `it took longer than ${STATEMENT / 1_000} s`,
  ECONNREFUSED: 'nobody listens there',
  ENOTFOUND: 'its host name is not known',
};

export interface Listing {
  readonly id: string;
  readonly address: string;
  readonly price_krw: string;
  readonly area_m2: string;
}

export class Listings {
  readonly #pool: pg.Pool;

  constructor({ database_url: connectionString }: Pick<Secrets, 'database_url'>) {
    this.#pool = new pg.Pool({
      connectionString,
      connectionTimeoutMillis: CONNECT,
      statement_timeout: STATEMENT,
      max: 5,
    });
    this.#pool.on('error', () => undefined); // a connection that breaks while nobody uses it is made anew
  }

  /** Throws a `Failure`: 404 for none, 503 where the database cannot be used. */
  async read(id: string): Promise<Listing> {
    const query = 'SELECT id, address, price_krw, area_m2 FROM listings WHERE id = $1';
    const found = await this.#pool.query<Listing>(query, [id]).then(
      ({ rows }) => rows,
      (error: unknown) => String((error as { code?: unknown }).code),
    );
    if (typeof found === 'string') {
      throw new Failure(503, `the database does not do it: ${WORDS[found] ?? found} (look at estate/database/url)`);
    }
    const [listing] = found;
    if (!listing) throw new Failure(404, 'there is no such listing');
    return listing;
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}
