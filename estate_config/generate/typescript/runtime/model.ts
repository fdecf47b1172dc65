// The data that passes between the schema, the chain and the providers.

import type { z } from 'zod';

import type { Code, Problem } from './problems.js';

/** What a service needs, and where each environment has it: made from the schema and `estate.toml`. */
export interface Schema<T> {
  readonly service: string;
  readonly config: string;
  /** The first one that is set names the environment. */
  readonly environmentVariables: readonly string[];
  readonly defaultEnvironment?: string;
  readonly environments: Readonly<Record<string, Environment>>;
  readonly settings: readonly Setting[];
  /** Values that everybody knows, since they stand in examples. */
  readonly knownExamples?: RegExp;
  readonly type: z.ZodType<T>;
}

export interface Environment {
  /** Seconds that a load may take. */
  readonly deadline: number;
  /** Whether a secret may not have a value that stands in examples. */
  readonly forbidExamples?: boolean;
  readonly chain: readonly Link[];
}

/** One provider of a chain. */
export interface Link {
  readonly provider: string;
  readonly title: string;
  /** The failures after which the next provider is asked all the same. */
  readonly nextOn?: readonly Code[];
  readonly options?: Readonly<Record<string, string>>;
}

export interface Setting {
  /** Dotted where nested. */
  readonly field: string;
  readonly secret?: boolean;
  readonly required?: boolean;
  readonly allowEmpty?: boolean;
  /** The type in words, for reports. */
  readonly declared: string;
  /** The only providers that may be asked. */
  readonly providers?: readonly string[];
  /** Builds the value from other fields of the same level where no provider has it. */
  readonly template?: string;
  /** The default as text, where a template needs it. */
  readonly defaultText?: string;
  /** Enclosing fields that have a default, which stands where none of their fields was found. */
  readonly optionalParents?: readonly string[];
  /** SHA-256 of the examples that the schema gives of a secret, in hexadecimal digits. */
  readonly examples?: readonly string[];
  /** It takes bytes. */
  readonly binary?: boolean;
  /** By environment, what each provider is asked for, in the order of asking: a variable, the address of a secret. */
  readonly places: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Where one provider looks for a setting. */
export interface Place {
  readonly provider: string;
  /** What the provider is asked for. */
  readonly id: string;
  readonly binary: boolean;
  /** In the provider's own spelling, for reports. */
  readonly text: string;
  /** How to put a value there where none is. */
  readonly fix: string;
  /** How to replace one, where that is not the same. */
  readonly change?: string;
}

export interface Found {
  readonly value: string | Uint8Array;
  readonly place: string;
  readonly version?: string | undefined;
  readonly stage?: string | undefined;
  /** How to put another value there, where only who found it knows. Goes before what `Place` says. */
  readonly change?: string | undefined;
}

/** The provider knows the place and could not give its value: not the same as absent. */
export interface Failed {
  readonly code: Code;
  /** What is wrong, in our own words. */
  readonly hint: string;
  readonly fix: string;
}

/** By place; one that is left out is absent. */
export type Replies = ReadonlyMap<Place, Found | Failed>;

/** What a provider may know of the load. */
export interface Context {
  readonly environment: string;
  /** What relative paths start from. */
  readonly folder: string;
  readonly options: Readonly<Record<string, string>>;
  /** Milliseconds until the deadline. */
  readonly remaining: () => number;
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  /** Those a test gives by hand, by field. */
  readonly values: Values;
}

export type Values = Readonly<Record<string, string | Uint8Array>>;

export interface Provider {
  /** Say where it looks, and how to put a value there; asks nobody. */
  locate(id: string, context: Context): Pick<Place, 'text' | 'fix' | 'change'>;
  /** Answer all places at once; a `Failed` instead says that none can be answered. */
  fetch(places: readonly Place[], context: Context): Promise<Replies | Failed>;
  /** What a person should know besides, given all places that may be asked for. */
  inspect?(places: readonly Place[], context: Context): Problem[];
}

export const failed = (code: Code, hint: string, fix = ''): Failed => ({ code, hint, fix });

export const isFailed = (reply: object): reply is Failed => 'code' in reply;

/** The text of UTF-8; undefined where it is none. */
export function utf8(raw: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    return undefined;
  }
}

/** Return the answers that are there, by place. */
export function answered(places: readonly Place[], answer: (place: Place) => Found | Failed | undefined): Replies {
  return new Map(
    places.flatMap((place) => {
      const reply = answer(place);
      return reply ? [[place, reply] as const] : [];
    }),
  );
}
