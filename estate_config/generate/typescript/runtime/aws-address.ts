// From an address to a secret: its name or ARN, the version that is asked for, the member of its JSON; and the commands
// and policy statements that concern it, with no value in any.

export interface Address {
  /** Its name or ARN. */
  readonly secret: string;
  readonly stage?: string | undefined;
  readonly version?: string | undefined;
  readonly member?: string | undefined;
}

const FORM = /^([^?#]+)(?:\?(?:stage=([^#]{1,256})|version=([^#]{32,64})))?(?:#(.+))?$/s;
const NAME = /^[A-Za-z0-9/_+=.@!-]{1,512}$/;
const ARN = /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@!-]{1,512}$/;

/** `estate/rds?stage=AWSPREVIOUS#password`, a name or an ARN; undefined for what is no address. */
export function addressOf(id: string): Address | undefined {
  const [, secret = '', stage, version, member] = FORM.exec(id) ?? [];
  return (secret.startsWith('arn:') ? ARN : NAME).test(secret) ? { secret, stage, version, member } : undefined;
}

/** What one read gives, whatever member is asked for. */
export const wholeOf = ({ secret, stage, version }: Address): string => JSON.stringify([secret, stage, version]);

const SUFFIX = /-[A-Za-z0-9]{6}$/;

/** Whether a secret, as it was asked for, is this one: AWS answers with ARN and name. */
export function isSame(asked: string, arn = '', name = ''): boolean {
  return asked === arn || asked === name || (asked.startsWith('arn:') && asked === arn.replace(SUFFIX, ''));
}

export const regionOf = (secret: string): string | undefined =>
  secret.startsWith('arn:') ? secret.split(':')[3] : undefined;

/** The name as it is in an ARN, with the six characters that AWS has put there, or that are of the name itself. */
const longNameOf = (secret: string): string =>
  secret.startsWith('arn:') ? secret.split(':').slice(6).join(':') : secret;

const mayBeWhole = (secret: string): boolean => secret.startsWith('arn:') && SUFFIX.test(secret);

const nameOf = (secret: string): string =>
  mayBeWhole(secret) ? longNameOf(secret).replace(SUFFIX, '') : longNameOf(secret);

// --- what mends it ---------------------------------------------------------------------------------------------------

export function command(words: string, { secret }: Address, region: string | undefined): string {
  const at = regionOf(secret) ?? region;
  return `aws secretsmanager ${words}${at ? ` --region ${at}` : ''}`;
}

export const about = (verb: string, address: Address, region: string | undefined): string =>
  command(`${verb} --secret-id ${quoted(address.secret)}`, address, region);

const quoted = (word: string): string => (word.includes('!') ? `'${word}'` : word);

/** How a value gets to where none is; of members and stages nobody knows whether their secret is there. */
export function make(address: Address, region: string | undefined): string {
  return address.member || address.stage || address.version ? fill(address, region) : create(address, region);
}

/** How a value gets there, be the secret there already or not. */
export function fill(address: Address, region: string | undefined): string {
  if (address.version) return put(address, region);
  return `${create(address, region, 'it is not there yet: ')}\n${put(address, region, 'it is there: ')}`;
}

export function create(address: Address, region: string | undefined, when = ''): string {
  const { secret } = address;
  const or = mayBeWhole(secret) ? `or --name ${quoted(longNameOf(secret))}, if that is its name; ` : '';
  return withValue(command(`create-secret --name ${quoted(nameOf(secret))}`, address, region), address, when + or);
}

export function put(address: Address, region: string | undefined, when = ''): string {
  if (address.version) {
    return `${about('list-secret-version-ids', address, region)}   # a version cannot be written: name one that is there`;
  }
  const stage = address.stage ? ` --version-stages ${address.stage}` : '';
  const words = `put-secret-value --secret-id ${quoted(address.secret)}${stage}`;
  return withValue(command(words, address, region), address, when);
}

function withValue(words: string, { member }: Address, when: string): string {
  if (member === undefined) {
    return `${words} --secret-string file:///dev/stdin   # ${when}type the value, no Enter, then Ctrl-D twice`;
  }
  return `${words} --secret-string file://secret.json   # ${when}the whole JSON object, "${member}" in it`;
}

/**
 * The statement that allows actions on this secret and on no other: six `?` for the six characters that AWS adds. An ARN
 * that ends in such six may be whole, or that of a name which ends so: then both are named.
 */
export function allow({ secret }: Address, region: string | undefined, ...actions: string[]): string {
  const at = region || '*';
  const arn = secret.startsWith('arn:') ? secret : `arn:${partition(at)}:secretsmanager:${at}:*:secret:${secret}`;
  return statement(
    actions.map((action) => `secretsmanager:${action}`),
    mayBeWhole(secret) ? [arn, `${arn}-??????`] : [`${arn}-??????`],
  );
}

/** The statement for a KMS key; without one, nobody knows which. */
export function allowDecryption({ secret }: Address, region: string | undefined, key?: string): string {
  const [, , , at = region || '*', account = '*'] = secret.split(':');
  const isKnown = key !== undefined && !key.includes('alias/');
  const id = isKnown ? key : 'KEY-ID';
  const arn = isKnown && key.startsWith('arn:') ? key : `arn:${partition(at)}:kms:${at}:${account}:key/${id}`;
  const service = `secretsmanager.${at}.amazonaws.com${at.startsWith('cn-') ? '.cn' : ''}`;
  const via = `, "Condition": {"StringEquals": {"kms:ViaService": "${service}"}}`;
  return statement(['kms:Decrypt'], [arn], at === '*' ? '' : via);
}

function statement(actions: readonly string[], resources: readonly string[], more = ''): string {
  return `{"Effect": "Allow", "Action": ${oneOrList(actions)}, "Resource": ${oneOrList(resources)}${more}}`;
}

function oneOrList(texts: readonly string[]): string {
  const words = texts.map((text) => `"${text}"`).join(', ');
  return texts.length === 1 ? words : `[${words}]`;
}

function partition(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  const [first = ''] = region.split('-');
  return first === 'cn' || first === 'eusc' ? `aws-${first}` : 'aws';
}
