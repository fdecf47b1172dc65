// The types of settings: from the text that a provider has to what the code gets, with the rules of Python's.
// Every message is our own and holds no part of a value.

import { z } from 'zod';

/** Why a value is refused. `malformed`: it has not the shape (JSON, list) that its type needs. */
class Refused {
  readonly message: string;
  readonly malformed: boolean;

  constructor(message: string, malformed = false) {
    this.message = message;
    this.malformed = malformed;
  }
}

function from<T>(convert: (value: unknown) => T | Refused) {
  return z.unknown().transform((value, context): T => {
    const converted = convert(value);
    if (!(converted instanceof Refused)) return converted;
    context.addIssue({ code: 'custom', message: converted.message, params: { malformed: converted.malformed } });
    return z.NEVER;
  });
}

interface Length {
  readonly min?: number;
  readonly max?: number;
}

interface Range {
  readonly gt?: number;
  readonly ge?: number;
  readonly lt?: number;
  readonly le?: number;
  readonly multipleOf?: number;
}

export const text = ({ pattern, ...length }: Length & { readonly pattern?: RegExp } = {}) =>
  from((value) => {
    if (typeof value !== 'string') return new Refused('is not a text');
    const wrong = wrongLength([...value].length, length);
    if (wrong) return wrong;
    return pattern && !pattern.test(value) ? new Refused('does not match the pattern') : value;
  });

function wrongLength(length: number, { min = 0, max = Infinity }: Length): Refused | undefined {
  if (length < min) return new Refused('is too short');
  return length > max ? new Refused('is too long') : undefined;
}

export const bytes = (length: Length = {}) =>
  from<Uint8Array>((value) => {
    if (typeof value !== 'string' && !(value instanceof Uint8Array)) return new Refused('is neither text nor binary');
    const found = typeof value === 'string' ? Buffer.from(value, 'utf8') : Buffer.from(value);
    return wrongLength(found.length, length) ?? found;
  });

/** `90`, `+90`, `9_000`, `90.0`; what JavaScript cannot hold exactly is refused. */
export const integer = (range: Range = {}) =>
  number(/^[+-]?\d+(_\d+)*(\.0+)?$/, 'is not a whole number', Number.isSafeInteger, range);

export const float = (range: Range = {}) =>
  number(/^[+-]?(\d+(_\d+)*(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i, 'is not a number', Number.isFinite, range);

const number = (spelling: RegExp, otherwise: string, fits: (value: unknown) => boolean, range: Range) =>
  from((value) => {
    const words = typeof value === 'string' ? value.trim() : '';
    const plain = typeof value === 'boolean' ? Number(value) : value;
    const found = spelling.test(words) ? Number(words.replaceAll('_', '')) : plain;
    return typeof found === 'number' && fits(found) ? inRange(found, range) : new Refused(otherwise);
  });

function inRange(value: number, range: Range): number | Refused {
  const { gt = -Infinity, ge = -Infinity, lt = Infinity, le = Infinity, multipleOf } = range;
  const fits = value > gt && value >= ge && value < lt && value <= le && (!multipleOf || value % multipleOf === 0);
  return fits ? value : new Refused('is out of range');
}

const BOOLEANS: ReadonlyMap<unknown, boolean> = new Map([
  ...['1', 'on', 't', 'true', 'y', 'yes'].map((word) => [word, true] as const),
  ...['0', 'off', 'f', 'false', 'n', 'no'].map((word) => [word, false] as const),
]);

export const boolean = () =>
  from((value) => {
    const found = typeof value === 'boolean' ? value : BOOLEANS.get(String(value).toLowerCase());
    return found ?? new Refused('is neither true nor false');
  });

export const oneOf = <const T extends readonly [string, ...string[]]>(...allowed: T) => z.enum(allowed);

interface UrlRules {
  readonly schemes?: readonly string[];
  readonly max?: number;
  /** It must name a host. */
  readonly host?: boolean;
  readonly multiHost?: boolean;
}

/** The text of a URL, as it came. */
export const url = ({ schemes, max, host, multiHost }: UrlRules = {}) =>
  from((value) => {
    const isGood = (one: string): boolean => URL.canParse(one) && (!host || new URL(one).host !== '');
    if (typeof value !== 'string' || !hosts(value, multiHost).every(isGood)) return new Refused('is not a URL');
    const scheme = value.trim().split(':', 1).join('').toLowerCase();
    if (schemes && !schemes.includes(scheme)) return new Refused('is a URL of another scheme');
    return wrongLength([...value].length, max === undefined ? {} : { max }) ?? value;
  });

/** A URL for each of the hosts of `postgresql://user@one:5432,two:5432/name`, which no URL parser takes whole. */
function hosts(value: string, multiHost?: boolean): string[] {
  const [, before = '', named = '', after = ''] = /^([^/]*\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/s.exec(value) ?? [];
  return multiHost ? named.split(',').map((host) => before + host + after) : [value];
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
const ISO = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;

/** Milliseconds, from `90d`, `1h30m`, `15` (seconds) or ISO 8601. */
export const duration = (range: Range = {}) =>
  from((value) => {
    const found = typeof value === 'string' ? milliseconds(value.trim()) : undefined;
    return found === undefined ? new Refused('is not a duration') : inRange(found, range);
  });

function milliseconds(words: string): number | undefined {
  if (/^\d+(\.\d+)?$/.test(words)) return Number(words) * 1e3;
  if (/^(\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*)+$/i.test(words)) {
    const parts = [...words.matchAll(/(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)/gi)];
    return parts.reduce((sum, [, size, unit = '']) => sum + Number(size) * (UNITS[unit.toLowerCase()] ?? NaN), 0);
  }
  const iso = ISO.exec(words);
  const units = ['w', 'd', 'h', 'm', 's'].map((unit, n) => Number(iso?.[n + 1] ?? 0) * (UNITS[unit] ?? NaN));
  return iso && /\d/.test(words) ? units.reduce((sum, part) => sum + part) : undefined;
}

/** A list out of `a, b` or of JSON; what is in it is checked by `items`. */
export const list = <T>(items: z.ZodType<T[]>) =>
  from<unknown>((value) => {
    if (typeof value !== 'string') return value;
    if (value.trimStart().startsWith('['))
      return json(value) ?? new Refused('must be a JSON list or comma-separated', true);
    return value.split(',').flatMap((item) => item.trim() || []);
  }).pipe(items);

/** An object out of JSON; what is in it is checked by `members`. */
export const object = <T>(members: z.ZodType<T>) =>
  from<unknown>((value) => {
    const document = typeof value === 'string' ? json(value) : value;
    const isObject = typeof document === 'object' && document !== null && !Array.isArray(document);
    return isObject ? document : new Refused('must be a JSON object', typeof value === 'string');
  }).pipe(members);

/** Without its repetitions. */
export const unique = <T>(items: z.ZodType<T[]>) => items.transform((found) => [...new Set(found)]);

/** What a text is in JSON; undefined for none. The parser's own error is dropped: it quotes the text. */
export function json(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
