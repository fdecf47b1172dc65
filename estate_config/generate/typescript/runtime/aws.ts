// AWS Secrets Manager: twenty secrets a call, members of one JSON secret in one read; nothing is ever listed.

import { setTimeout as wait } from 'node:timers/promises';

import type {
  BatchGetSecretValueResponse,
  GetSecretValueResponse,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';

import { type Address, addressOf, isSame, make, put, regionOf, wholeOf } from './aws-address.js';
import * as failures from './aws-failures.js';
import type { Cause } from './aws-failures.js';
import type { Context, Failed, Found, Place, Provider } from './model.js';
import { answered, failed, isFailed } from './model.js';
import { partOf } from './payload.js';

type Sdk = typeof import('@aws-sdk/client-secrets-manager');

/** A secret as AWS gave it, or why it did not. */
type Stored = GetSecretValueResponse | Cause;

const BATCH = 20; // ids of one BatchGetSecretValue at most
const AT_ONCE = 16;

interface Account extends Context {
  readonly sdk: Sdk;
  readonly client: SecretsManagerClient;
  readonly region: string;
}

export const aws: Provider = {
  locate(id, { options }) {
    const address = addressOf(id);
    if (!address) return { text: id, fix: NO_ADDRESS.fix };
    return { text: id, fix: make(address, options['region']), change: put(address, options['region']) };
  },

  async fetch(places, context) {
    const wanted = places.flatMap((place) => addressOf(place.id) ?? []);
    if (!wanted.length) return answered(places, () => NO_ADDRESS);
    const sdk = await import('@aws-sdk/client-secrets-manager'); // takes a while: only when it is asked
    const client = connect(sdk, context);
    try {
      const account = await ready(sdk, client, context);
      return typeof account === 'string' ? failures.whole(account) : await answers(account, places, wanted);
    } finally {
      client.destroy();
    }
  },
};

const NO_ADDRESS = failed(
  'MALFORMED',
  'is no address of a secret',
  'correct the address in the schema: NAME?stage=…#member',
);

function connect(sdk: Sdk, { options }: Context): SecretsManagerClient {
  const { profile, endpoint_url: endpoint } = options;
  const { env } = process;
  const region = options['region'] || env['AWS_REGION'] || env['AWS_DEFAULT_REGION']; // the SDK does not read the last
  return new sdk.SecretsManagerClient({
    ...(region && { region }),
    ...(profile && { profile }),
    ...(endpoint && { endpoint }),
    maxAttempts: 3,
    retryMode: 'standard',
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
}

async function ready(sdk: Sdk, client: SecretsManagerClient, context: Context): Promise<Account | Cause> {
  const region = await client.config.region().catch(() => undefined);
  if (region === undefined) return 'NO_REGION';
  const trouble = await patiently(context, mayStillCome, async () => {
    await client.config.credentials();
    return undefined;
  });
  if (trouble === undefined) return { ...context, sdk, client, region };
  const hasProfile = context.options['profile'] || process.env['AWS_PROFILE'];
  return trouble === 'NO_CREDENTIALS' && hasProfile ? 'NO_PROFILE' : trouble;
}

/** On a fresh node the agent that hands out credentials may not be up yet. */
function mayStillCome(cause: Cause): boolean {
  const { env } = process;
  const agent = env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] ?? env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  return cause === 'NO_CREDENTIALS' && Boolean(agent || env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() !== 'true');
}

/** What the call answers; asked again while its trouble is worth it, with pauses that keep pods from asking in step. */
async function patiently<T>(
  { remaining }: Context,
  isWorthIt: (cause: Cause) => boolean,
  call: () => Promise<T>,
): Promise<T | Cause> {
  let last: Cause | undefined;
  for (let longest = 200; ; longest = Math.min(longest * 2, 3_000)) {
    let cause: Cause;
    try {
      return await call();
    } catch (error) {
      cause = failures.causeOf(error);
    }
    const pause = Math.random() * longest;
    if (!isWorthIt(cause) || pause >= remaining()) return (cause === 'LATE' && last) || cause;
    last = cause; // cut off at the deadline, it says more than that it was late
    await wait(pause);
  }
}

const isThrottled = (cause: Cause): boolean => cause === 'THROTTLED';

// --- reading ---------------------------------------------------------------------------------------------------------

/** Read each secret once, all calls at the same time. One that is alone needs no right to a batch. */
async function read(account: Account, wanted: readonly Address[]): Promise<Map<string, Stored>> {
  const secrets = [...new Map(wanted.map((address) => [wholeOf(address), address])).values()];
  const current = secrets.filter(({ stage, version }) => !stage && !version);
  const chunks = Array.from({ length: Math.ceil(current.length / BATCH) }, (_, n) =>
    current.slice(n * BATCH, (n + 1) * BATCH),
  );
  const alone = chunks.flatMap((chunk) => (chunk.length === 1 ? chunk : []));
  const versions = secrets.filter(({ stage, version }) => stage || version);
  const parts = await Promise.all([
    oneByOne(account, [...versions, ...alone], 0),
    ...chunks.filter((chunk) => chunk.length > 1).map((chunk) => batch(account, chunk)),
  ]);
  return new Map(parts.flatMap((part) => [...part]));
}

async function batch(account: Account, chunk: readonly Address[]): Promise<Map<string, Stored>> {
  const pages = await pagesOf(account, chunk);
  if (typeof pages === 'string' && failures.isWhole(pages)) {
    return new Map(chunk.map((address) => [wholeOf(address), pages]));
  }
  const stored = typeof pages === 'string' ? new Map<string, Stored>() : matched(chunk, pages);
  // A policy may allow single reads only, the batch has the smaller quota, and one bad id refuses it whole.
  const open = chunk.filter((address) => !stored.has(wholeOf(address)));
  return new Map([...stored, ...(await oneByOne(account, open, 1_000))]);
}

async function pagesOf(
  { sdk, client, signal }: Account,
  chunk: readonly Address[],
): Promise<BatchGetSecretValueResponse[] | Cause> {
  const SecretIdList = chunk.map(({ secret }) => secret);
  const pages: BatchGetSecretValueResponse[] = [];
  try {
    for (let NextToken: string | undefined; pages.length <= BATCH;) {
      const command = new sdk.BatchGetSecretValueCommand({ SecretIdList, NextToken });
      const page = await client.send(command, { abortSignal: signal });
      pages.push(page);
      NextToken = page.NextToken;
      if (!NextToken) return pages;
    }
  } catch (error) {
    return failures.causeOf(error);
  }
  return 'LATE';
}

/** The answer to each id, in the values or in the errors; those that may pass when asked again are left out. */
function matched(chunk: readonly Address[], pages: readonly BatchGetSecretValueResponse[]): Map<string, Stored> {
  const values = pages.flatMap((page) => page.SecretValues ?? []).filter(isSecret);
  const errors = pages.flatMap((page) => page.Errors ?? []);
  if (!values.length && !errors.length) return new Map();
  const arns = new Set(chunk.map(({ secret }) => secret));
  return new Map(
    chunk.flatMap((address): [string, Stored][] => {
      const { secret } = address;
      const error = errors.find(({ SecretId }) => isSame(secret, SecretId, SecretId));
      const found = values.filter(({ ARN, Name }) => isSame(secret, ARN, Name));
      // By name, while the secret of that name in another account was asked for by its ARN.
      const own = found.length > 1 ? found.find(({ ARN }) => !arns.has(ARN ?? '')) : found[0];
      const one = (error ? failures.causeNamed(error.ErrorCode, error.Message) : own) ?? 'UNSAID';
      return one === 'THROTTLED' || one === 'FAILED' ? [] : [[wholeOf(address), one]];
    }),
  );
}

/** Read secrets by themselves, some at a time, the first of them after a random part of `jitter` milliseconds. */
async function oneByOne(account: Account, addresses: readonly Address[], jitter: number): Promise<Map<string, Stored>> {
  const stored = new Map<string, Stored>();
  const waiting = [...addresses];
  const worker = async (): Promise<void> => {
    if (jitter) await wait(Math.random() * Math.min(jitter, account.remaining() / 4));
    for (let one = waiting.shift(); one; one = waiting.shift()) stored.set(wholeOf(one), await get(account, one));
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, addresses.length) }, worker));
  return stored;
}

async function get(account: Account, { secret, stage, version }: Address): Promise<Stored> {
  const { sdk, client, signal } = account;
  const which = version ? { VersionId: version } : stage ? { VersionStage: stage } : {};
  const command = new sdk.GetSecretValueCommand({ SecretId: secret, ...which });
  const answer = await patiently(account, isThrottled, () => client.send(command, { abortSignal: signal }));
  return typeof answer === 'string' || isSecret(answer) ? answer : 'STRANGER';
}

const isSecret = ({ ARN, Name, SecretString, SecretBinary }: GetSecretValueResponse): boolean =>
  Boolean(ARN && Name && (SecretString !== undefined || SecretBinary));

// --- answering -------------------------------------------------------------------------------------------------------

async function answers(account: Account, places: readonly Place[], wanted: readonly Address[]) {
  const here = wanted.filter(({ secret }) => (regionOf(secret) ?? account.region) === account.region);
  const stored = await read(account, here);
  const causes = [...stored.values()].flatMap((one) => (typeof one === 'string' && failures.isWhole(one) ? one : []));
  const [first] = causes;
  if (first && causes.length === stored.size && here.length === places.length) return failures.whole(first);
  const replies = await Promise.all(places.map((place) => reply(account, place, stored)));
  return answered(places, (place) => replies[places.indexOf(place)]);
}

async function reply(
  account: Account,
  place: Place,
  stored: ReadonlyMap<string, Stored>,
): Promise<Found | Failed | undefined> {
  const address = addressOf(place.id);
  if (!address) return NO_ADDRESS;
  const region = regionOf(address.secret) ?? account.region;
  if (region !== account.region) return failures.elsewhere(region, account.region);
  const one = stored.get(wholeOf(address)) ?? 'LATE';
  if (typeof one === 'string') return explained(account, address, one);
  const value = partOf(one.SecretString ?? one.SecretBinary ?? '', address.member, place.binary);
  if (value === undefined) return undefined;
  if (typeof value === 'object' && isFailed(value)) {
    return { ...value, fix: value.fix || put(address, account.options['region']) };
  }
  const stage = address.stage ?? (address.version ? one.VersionStages?.join(', ') : 'AWSCURRENT');
  return { value, place: place.text, version: one.VersionId, stage };
}

/** What stands behind a trouble, looking at the secret without its value where that says more; undefined: there is none. */
async function explained(
  account: Account,
  { member: _, ...address }: Address,
  cause: Cause,
): Promise<Failed | undefined> {
  const { sdk, client, signal, region } = account;
  const plain = failures.plain(cause, address, region);
  if (!['NOT_FOUND', 'STATE', 'DELETED', 'KMS'].includes(cause)) return plain;
  const command = new sdk.DescribeSecretCommand({ SecretId: address.secret });
  const seen = await patiently(account, isThrottled, () => client.send(command, { abortSignal: signal }));
  if (typeof seen !== 'string') return failures.behind(cause, seen, address, region);
  if (cause !== 'NOT_FOUND') return plain;
  if (seen === 'LATE') return failures.plain('LATE', address, region);
  return seen === 'NOT_FOUND' ? undefined : failures.noneOrNoVersion(address, region);
}
