// The SDK's errors and what they are here: one table, by name. By text only where AWS gives nothing else. No word of an
// error is shown: it may hold a value.

import type { DescribeSecretResponse } from '@aws-sdk/client-secrets-manager';

import { about, type Address, allow, allowDecryption, create, fill, put } from './aws-address.js';
import { type Failed, failed } from './model.js';
import type { Code } from './problems.js';

const ON_THE_WAY = 'look whether it can be reached from here: network, proxy, VPC endpoint, security group, DNS';

/** By cause: the outcome, what is wrong, and what mends it where that is the same for every secret. */
const CAUSES = {
  NOT_FOUND: ['NO_VALUE', 'does not exist, or has no such version', ''],
  STATE: ['UNAVAILABLE', 'cannot be used in the state that it is in', ''],
  DELETED: ['DELETED', 'is scheduled for deletion', ''],
  DENIED: ['DENIED', 'may not be read by this identity, or does not exist: AWS then says the same', ''],
  KMS: ['KMS', 'cannot be decrypted: this identity may not use its KMS key, or the key is disabled', ''],
  EXISTS: ['UNAVAILABLE', 'is being written by somebody else', ''],
  UNSAID: ['UNAVAILABLE', "was left out of AWS's answer: neither a value nor an error came back for it", ''],
  MALFORMED: [
    'MALFORMED',
    'is refused by AWS as no name, version or value that can be',
    'correct the address in the schema',
  ],
  QUOTA: [
    'THROTTLED',
    'would exceed a quota of the account',
    'look into the quotas of Secrets Manager: aws service-quotas list-service-quotas --service-code secretsmanager',
  ],
  THROTTLED: [
    'THROTTLED',
    "is asked for more often than the account's quota allows",
    'start fewer instances at once; allow secretsmanager:BatchGetSecretValue if it is denied',
  ],
  FAILED: [
    'UNAVAILABLE',
    'could not be read: the service failed',
    'try again; health.aws.amazon.com says whether AWS knows of it',
  ],
  LATE: ['UNAVAILABLE', 'was not answered in time', ON_THE_WAY],
  STRANGER: [
    'UNAVAILABLE',
    'cannot be asked: what answers there is not the service',
    'correct endpoint_url of [providers.aws], or AWS_ENDPOINT_URL; is there a proxy on the way?',
  ],
  UNREACHABLE: ['UNAVAILABLE', 'cannot be reached', ON_THE_WAY],
  UNTRUSTED: [
    'UNAVAILABLE',
    "cannot be reached: the server's certificate is not trusted here",
    'name the authority that signed it: NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
  ],
  NO_CREDENTIALS: [
    'CREDENTIALS',
    'has no AWS credentials to call with',
    'on a laptop: aws sso login, or aws configure\n' +
      'in a pod: give its service account a role (EKS Pod Identity, or IAM roles for service accounts)',
  ],
  NO_PROFILE: [
    'CREDENTIALS',
    'gets no AWS credentials from its profile',
    'aws configure list-profiles   # shows which there are; aws sso login',
  ],
  REFUSED: [
    'CREDENTIALS',
    'has credentials that AWS refuses: wrong, expired, or the clock is off here',
    'aws sts get-caller-identity   # shows whether they are good; renew them, and check the clock',
  ],
  NO_REGION: [
    'SCHEMA',
    'is given no region',
    'put region = "…" under [providers.aws] in estate.toml, or set AWS_REGION',
  ],
  UNEXPECTED: [
    'PLUGIN',
    'failed in a way that is not known here',
    'npm update @aws-sdk/client-secrets-manager, and report it if that does not help',
  ],
} as const satisfies Readonly<Record<string, readonly [Code, string, string]>>;

export type Cause = keyof typeof CAUSES;

const WHOLE: readonly Cause[] = ['STRANGER', 'UNREACHABLE', 'UNTRUSTED', 'NO_CREDENTIALS', 'REFUSED', 'NO_REGION'];

/** Whether a cause is not about one secret. */
export const isWhole = (cause: Cause): boolean => WHOLE.includes(cause);

const NAMES: Partial<Record<Cause, string>> = {
  NOT_FOUND: 'ResourceNotFoundException',
  STATE: 'InvalidRequestException',
  DENIED: 'AccessDeniedException AccessDenied UnauthorizedOperation',
  KMS: 'DecryptionFailure EncryptionFailure',
  MALFORMED:
    'InvalidParameterException ValidationException ValidationError SerializationException ' +
    'MalformedPolicyDocumentException PublicPolicyException',
  EXISTS: 'ResourceExistsException PreconditionNotMetException',
  QUOTA: 'LimitExceededException',
  THROTTLED:
    'ThrottlingException Throttling ThrottledException RequestThrottled RequestThrottledException ' +
    'RequestLimitExceeded TooManyRequestsException SlowDown',
  FAILED:
    'InvalidNextTokenException InternalServiceError InternalServiceErrorException InternalServerError ' +
    'InternalFailure ServiceUnavailable ServiceUnavailableException RequestTimeout RequestTimeoutException',
  STRANGER: 'UnknownOperationException SyntaxError',
  NO_CREDENTIALS: 'CredentialsProviderError TokenProviderError ProviderError',
  REFUSED:
    'UnrecognizedClientException InvalidClientTokenId InvalidAccessKeyId InvalidSignatureException AuthFailure ' +
    'SignatureDoesNotMatch IncompleteSignature IncompleteSignatureException MissingAuthenticationToken ' +
    'MissingAuthenticationTokenException NotAuthorized OptInRequired RequestExpired ExpiredToken ' +
    'ExpiredTokenException IDPCommunicationError IDPRejectedClaim InvalidIdentityToken RegionDisabledException',
  LATE: 'AbortError',
  UNREACHABLE: 'TimeoutError',
};

const BY_NAME = new Map(
  Object.entries(NAMES).flatMap(([cause, names]) => names.split(' ').map((name) => [name, cause as Cause] as const)),
);

const BY_WORDS: readonly (readonly [Cause, RegExp, Cause])[] = [
  ['DENIED', /Access to KMS is not allowed/, 'KMS'],
  ['STATE', /(marked|scheduled) for deletion|marked deleted/, 'DELETED'],
];

/** What a name of AWS is, as an entry of a batch's `Errors` has it. */
export function causeNamed(name = '', message = ''): Cause {
  const cause = BY_NAME.get(name) ?? 'UNEXPECTED';
  return BY_WORDS.find(([first, words]) => first === cause && words.test(message))?.[2] ?? cause;
}

interface Thrown {
  readonly name: string;
  readonly message: string;
  /** Of the operating system or of TLS. */
  readonly code: string;
  readonly $metadata: { readonly httpStatusCode?: number };
}

/** What an error of the SDK is. */
export function causeOf(error: unknown): Cause {
  const { name = '', message = '', code, $metadata } = error as Partial<Thrown>;
  const named = causeNamed(name, message);
  if (named !== 'UNEXPECTED') return named;
  const status = $metadata?.httpStatusCode ?? 0;
  if (status >= 500) return 'FAILED';
  if (status && /^(Unknown(Error)?|Error)$/.test(name)) return 'STRANGER'; // a proxy's page, or half an answer
  if (!code) return 'UNEXPECTED';
  return /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS|EPROTO/.test(code) ? 'UNTRUSTED' : 'UNREACHABLE';
}

/** A cause that is not about one secret, in words. */
export function whole(cause: Cause): Failed {
  const [code, hint, fix] = CAUSES[cause];
  return failed(code, hint, fix);
}

/** What a cause means for one secret, when nothing more is known of it. */
export function plain(cause: Cause, address: Address, region: string): Failed {
  const [code, hint, fix] = CAUSES[cause];
  return failed(code, hint, fix || mend(cause, address, region));
}

function mend(cause: Cause, address: Address, region: string): string {
  switch (cause) {
    case 'NOT_FOUND':
      return fill(address, region);
    case 'DENIED':
      return `${allow(address, region, 'GetSecretValue', 'DescribeSecret')}\n${create(address, region)}`;
    case 'DELETED':
      return about('restore-secret', address, region);
    case 'KMS':
      return allowDecryption(address, region);
    default:
      return about('describe-secret', address, region);
  }
}

/** What stands behind a cause, by what DescribeSecret says of the secret. */
export function behind(cause: Cause, seen: DescribeSecretResponse, address: Address, region: string): Failed {
  if (seen.DeletedDate) {
    const hint = `is scheduled for deletion (DeletedDate ${seen.DeletedDate.toISOString().slice(0, 10)})`;
    return failed('DELETED', hint, about('restore-secret', address, region));
  }
  if (cause === 'KMS') return undecipherable(address, region, seen.KmsKeyId);
  if (cause === 'NOT_FOUND') return noVersion(address, region);
  if (!seen.OwningService) return plain(cause, address, region);
  const hint = `is managed by the AWS service ${seen.OwningService}, and only that may change it`;
  return failed('DENIED', hint, about('describe-secret', address, region));
}

function noVersion(address: Address, region: string): Failed {
  const { version, stage } = address;
  const which = version ? `has no version ${version}` : `no version of it is ${stage ?? 'AWSCURRENT'}`;
  const why = version || stage ? '' : ': no value was put into it yet';
  return failed('NO_VALUE', `exists, and ${which}${why}`, put(address, region));
}

function undecipherable(address: Address, region: string, key: string | undefined): Failed {
  const [code, hint] = CAUSES.KMS;
  if (key === undefined) {
    const remark = '--kms-key-id KEY-ID   # a key of your own, that both accounts may use';
    const fix = `${about('update-secret', address, region)} ${remark}`;
    return failed(code, `${hint}. The key is aws/secretsmanager, which other accounts cannot use`, fix);
  }
  const look = `aws kms describe-key --key-id ${key}   # shows whether it is enabled`;
  return failed(code, `${hint}. The key is ${key}`, `${allowDecryption(address, region, key)}\n${look}`);
}

/** What a secret is that may be there or not: who asks may not look. */
export function noneOrNoVersion(address: Address, region: string): Failed {
  const hint =
    'does not exist, or has no such version: AWS says the same of both, and this identity may not look which';
  const tell = `${allow(address, region, 'DescribeSecret')}   # to tell them apart`;
  return failed('NO_VALUE', hint, `${fill(address, region)}\n${tell}`);
}

export function elsewhere(region: string, asked: string): Failed {
  const hint = `is in ${region}, and ${asked} is asked, which would say that it is not there`;
  return failed('MALFORMED', hint, `name the ARN of a replica in ${asked}, or set region under [providers.aws]`);
}
