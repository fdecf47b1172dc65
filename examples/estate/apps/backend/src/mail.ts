// Mail through SES, with a key of its own: not with what the pod may do.

import { SendEmailCommand, SESv2Client } from '@aws-sdk/client-sesv2';

import { Failure } from './failure.js';
import type { Secrets } from './lib/secrets.js';

const OUR_KEY = new Set([
  'AccessDeniedException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'SignatureDoesNotMatch',
  'UnrecognizedClientException',
]);

type Needed = 'ses_access_key_id' | 'ses_secret_access_key' | 'ses_region' | 'ses_url' | 'mail_from' | 'call_timeout';

export class Mail {
  readonly #client: SESv2Client;
  readonly #from: string;

  constructor(secrets: Pick<Secrets, Needed>) {
    this.#client = new SESv2Client({
      region: secrets.ses_region,
      endpoint: secrets.ses_url,
      credentials: { accessKeyId: secrets.ses_access_key_id, secretAccessKey: secrets.ses_secret_access_key },
      requestHandler: { requestTimeout: secrets.call_timeout, throwOnRequestTimeout: true },
    });
    this.#from = secrets.mail_from;
  }

  /** Throws a `Failure`, in words without the SDK's. */
  async send(to: string, subject: string, text: string): Promise<void> {
    const command = new SendEmailCommand({
      FromEmailAddress: this.#from,
      Destination: { ToAddresses: [to] },
      Content: { Simple: { Subject: { Data: subject }, Body: { Text: { Data: text } } } },
    });
    const failed = await this.#client.send(command).then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.name : typeof error),
    );
    if (failed === undefined) return;
    if (OUR_KEY.has(failed)) throw new Failure(502, 'the mail service refuses our key (estate/ses/…)');
    throw new Failure(503, `the mail service does not do it: ${failed}`);
  }
}
