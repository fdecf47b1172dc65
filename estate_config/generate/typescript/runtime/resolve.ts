// The chain. The one rule: only absent falls through. An empty text counts as absent unless the setting allows it; a
// failure closes the setting, unless the chain names that failure as one to pass over.

import { setTimeout as wait } from 'node:timers/promises';

import { aws } from './aws.js';
import { dotenv, env, fixture } from './local.js';
import type { Context, Environment, Failed, Found, Link, Place, Provider, Replies, Setting } from './model.js';
import { failed, isFailed, utf8 } from './model.js';
import type { Asked, Problem } from './problems.js';

const PROVIDERS: Readonly<Record<string, Provider>> = { env, dotenv, aws, fixture };

/** Milliseconds after the deadline for a provider to say which of its answers it has. */
const GRACE = 500;

/** All that came back for one setting. */
export interface Answer {
  readonly setting: Setting;
  readonly asked: Asked[];
  /** Those that were asked, with how to put a value there. */
  readonly places: Place[];
  found?: Found & { readonly provider: string };
  /** The failure that closed it. */
  failed?: Failed;
}

export async function resolve(
  settings: readonly Setting[],
  environment: Environment,
  context: Omit<Context, 'options'>,
): Promise<{ answers: Answer[]; warnings: Problem[] }> {
  const answers = settings.map((setting): Answer => ({ setting, asked: [], places: [] }));
  const warnings: Problem[] = [];
  for (const link of environment.chain) {
    const provider = PROVIDERS[link.provider];
    if (!provider) throw new TypeError(`there is no provider "${link.provider}" in TypeScript`);
    const here = { ...context, options: link.options ?? {} };
    const places = new Map(answers.map((answer) => [answer, placeOf(answer.setting, link, provider, here)]));
    const open = answers.filter((answer) => !answer.found && !answer.failed);
    const wanted = open.flatMap((answer) => places.get(answer) ?? []);
    const replies = wanted.length ? await ask(link, provider, wanted, here, environment.deadline) : new Map();
    for (const answer of answers) {
      const place = places.get(answer);
      if (place && open.includes(answer)) settle(answer, link, place, replies.get(place));
      else if (place && answer.failed) answer.asked.push({ ...asked(place), outcome: 'not asked' });
    }
    if (wanted.length)
      warnings.push(
        ...(provider.inspect?.(
          [...places.values()].flatMap((one) => one ?? []),
          here,
        ) ?? []),
      );
  }
  return { answers, warnings };
}

function placeOf({ field, binary, places }: Setting, link: Link, provider: Provider, here: Context): Place | undefined {
  const ids = places[here.environment] ?? { fixture: field }; // the environment test, which is always there
  const id = ids[link.provider];
  if (id === undefined) return undefined;
  return { provider: link.provider, id, binary: Boolean(binary), ...provider.locate(id, here) };
}

const asked = ({ provider, text }: Place) => ({ provider, place: text });

async function ask(
  link: Link,
  provider: Provider,
  places: readonly Place[],
  context: Context,
  seconds: number,
): Promise<Replies> {
  const late = async (): Promise<Failed> => {
    await wait(context.remaining() + GRACE, undefined, { ref: false });
    const fix = 'look whether it can be reached; a longer deadline is set in estate.toml';
    return failed('UNAVAILABLE', `did not answer within ${seconds} seconds`, fix);
  };
  const reply = await Promise.race([provider.fetch(places, context), late()]);
  if (!('code' in reply)) return reply;
  const whole = { ...reply, hint: `${link.provider} ${reply.hint}` };
  return new Map(places.map((place) => [place, whole]));
}

function settle(answer: Answer, link: Link, place: Place, reply: Found | Failed | undefined): void {
  const checked = reply && asText(place, reply);
  const change = checked && !isFailed(checked) ? checked.change : undefined;
  answer.places.push(change ? { ...place, change } : place);
  if (!checked) {
    answer.asked.push({ ...asked(place), outcome: 'absent' });
  } else if (isFailed(checked)) {
    answer.asked.push({ ...asked(place), outcome: checked.code });
    if (!link.nextOn?.includes(checked.code)) answer.failed = checked;
  } else {
    const isEmpty = checked.value.length === 0 && !answer.setting.allowEmpty;
    answer.asked.push({ provider: link.provider, place: checked.place, outcome: isEmpty ? 'empty' : 'found' });
    if (!isEmpty) answer.found = { ...checked, provider: link.provider };
  }
}

/** A setting that takes no bytes gets text. */
function asText(place: Place, reply: Found | Failed): Found | Failed {
  if (isFailed(reply) || typeof reply.value === 'string' || place.binary) return reply;
  const value = utf8(reply.value);
  const hint = 'is not text in UTF-8; declare the field as SecretBytes if it is binary';
  return value === undefined ? failed('MALFORMED', hint) : { ...reply, value };
}
