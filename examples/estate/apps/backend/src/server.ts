// `npm start`: start complete and valid, or end with exit code 78 and a report of all that is wrong.

import { createApp } from './app.js';
import { Descriptions } from './descriptions.js';
import { exitWithReport, explainSecrets, getSecrets, loadSecrets } from './lib/secrets.js';
import { Listings } from './listings.js';
import { Mail } from './mail.js';
import { Sessions } from './sessions.js';
import { Tracking } from './tracking.js';

await loadSecrets().catch(exitWithReport);

const secrets = getSecrets();
const listings = new Listings(secrets);
const server = createApp({
  descriptions: new Descriptions(secrets),
  explain: explainSecrets,
  listings,
  mail: new Mail(secrets),
  sessions: new Sessions(secrets),
  tracking: new Tracking(secrets),
});

server.listen(secrets.listen_port, secrets.listen_host, () => {
  console.info(`listening on http://${secrets.listen_host}:${secrets.listen_port}`);
});

/** Take no new requests, finish those that run, close the database; then nothing keeps the process. */
function stop(): void {
  server.close(() => void listings.close());
  server.closeIdleConnections();
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
