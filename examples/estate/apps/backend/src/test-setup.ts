// What tests import first: mock credentials, and no provider that leaves the machine.

import { loadSecrets } from './lib/secrets.js';

export const MOCKS = {
  database_url: 'postgresql://mock:mock@127.0.0.1:9/mock',
  jwt_secret: 'mock-jwt-secret-of-more-than-32-characters',
  ses_access_key_id: 'mock-ses-access-key-id',
  ses_secret_access_key: 'mock-ses-secret-access-key',
  segment_write_key: 'mock-segment-write-key',
} as const;

await loadSecrets({ environment: 'test', values: MOCKS });
