// Values of this machine: environment variables, the files that NAME_FILE variables point to, `.env` files, and what a
// test gives by hand. process.env is never changed.

import { closeSync, constants, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve } from 'node:path';

import {
  answered,
  type Context,
  type Failed,
  failed,
  type Found,
  isFailed,
  type Place,
  type Provider,
  utf8,
} from './model.js';
import type { Problem } from './problems.js';

const POINTER = '_FILE';

export const env: Provider = {
  locate: (id) => ({ text: id, fix: `export ${id}='…'` }),

  async fetch(places, context) {
    const names = new Set(places.map((place) => place.id));
    return answered(places, (place) => variable(place, names, context.folder));
  },

  inspect(places, { options: { prefix } }) {
    if (!prefix) return [];
    const read = new Set(places.flatMap((place) => [place.id, place.id + POINTER]));
    const unread = Object.keys(process.env).filter((name) => name.startsWith(prefix) && !read.has(name));
    return unread
      .sort()
      .map((name) => notice('UNKNOWN', 'env', name, 'is set, and nothing reads it', `rename it, or \`unset ${name}\``));
  },
};

function variable(place: Place, names: ReadonlySet<string>, folder: string): Found | Failed | undefined {
  const value = process.env[place.id];
  const pointer = place.id + POINTER;
  // A variable that a setting reads by its own name is a value, not a pointer to another one's.
  const path = names.has(pointer) ? undefined : process.env[pointer];
  if (path === undefined) return value === undefined ? undefined : fromVariable(place, value);
  if (value === undefined) return fromFile(place, pointer, path, folder);
  const fix = `unset one of the two: \`unset ${place.id}\` or \`unset ${pointer}\``;
  return failed('MALFORMED', `is set, and so is ${pointer}: only one of them can be meant`, fix);
}

/** Node.js puts U+FFFD where the bytes of a variable are no text. */
function fromVariable(place: Place, value: string): Found | Failed {
  return value.includes('\ufffd') ? NO_TEXT : { value, place: place.text };
}

function fromFile(place: Place, pointer: string, path: string, folder: string): Found | Failed {
  const raw = (path && readSmallFile(resolve(folder, path), 65_536)) || failed('MALFORMED', 'does not exist');
  const value = isFailed(raw) || place.binary ? raw : (utf8(raw)?.replace(/\r?\n$/, '') ?? NO_TEXT);
  const change = `put the value, and nothing else, into the file that ${pointer} names`;
  if (typeof value !== 'object' || !isFailed(value)) return { value, place: `${pointer} -> ${path}`, change };
  // The path is not shown: who sets NAME_FILE where NAME was meant has put the secret itself there.
  const fix = value.fix || `see what it names: \`printenv ${pointer}\`; or \`unset ${pointer}\``;
  return failed(value.code, `is given by ${pointer}: the file that it names ${value.hint}`, fix);
}

export const dotenv: Provider = {
  locate(id, context) {
    const file = shown(join(folderOf(context), '.env'), context);
    return { text: `${id} in ${file}`, fix: `add the line ${id}=<value> to ${file}` };
  },

  async fetch(places, context) {
    const folder = folderOf(context);
    if (context.options['folder'] && !statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      const hint = `has no folder ${shown(folder, context)} to read from`;
      return failed('UNAVAILABLE', hint, 'make the folder, or correct `folder` of [providers.dotenv]');
    }
    const found = new Map<string, Found>();
    const problems: Failed[] = [];
    for (const path of files(context)) {
      const entries = readDotenv(path, shown(path, context));
      if (Array.isArray(entries)) for (const [name, entry] of entries) found.set(name, entry);
      else problems.push(entries);
    }
    const [first] = problems;
    if (!first) return answered(places, (place) => found.get(place.id));
    const fixes = new Set(problems.flatMap((problem) => problem.fix || []));
    return failed(first.code, `cannot be used: ${problems.map((one) => one.hint).join('; ')}`, [...fixes].join('\n'));
  },

  inspect(_places, context) {
    return files(context).flatMap((path) => {
      const status = statSync(path, { throwIfNoEntry: false });
      if (!status?.isFile() || !(status.mode & 0o077)) return [];
      const mode = (status.mode & 0o7777).toString(8).padStart(4, '0');
      const message = `can be read or changed by other users of this machine (mode ${mode})`;
      return [notice('INSECURE', 'dotenv', shown(path, context), message, `chmod 600 ${shown(path, context)}`)];
    });
  },
};

const folderOf = ({ folder, options }: Context): string => resolve(folder, options['folder'] ?? '');

/** Later ones win. */
function files(context: Context): string[] {
  const names = ['.env', '.env.local', `.env.${context.environment}`, `.env.${context.environment}.local`];
  return [...new Set(names)].map((name) => join(folderOf(context), name));
}

function shown(path: string, { folder }: Context): string {
  const inside = relative(folder, path);
  return inside.startsWith('..') || isAbsolute(inside) ? path : inside;
}

function readDotenv(path: string, name: string): [string, Found][] | Failed {
  const raw = readSmallFile(path, 1_048_576);
  if (!raw) return [];
  if (isFailed(raw)) return failed(raw.code, `${name} ${raw.hint}`, raw.code === 'MALFORMED' ? '' : raw.fix);
  const text = utf8(raw);
  if (text === undefined) return failed('MALFORMED', `${name} ${NO_TEXT.hint}`);
  const { entries, badLines } = parseDotenv(text);
  if (!badLines.length) {
    return entries.map(({ name: key, value, line }) => [
      key,
      { value, place: `${name}:${line}`, change: `correct ${key} in line ${line} of ${name}` },
    ]);
  }
  const which = badLines.length === 1 ? `line ${badLines[0]}, which is` : `lines ${badLines.join(', ')}, which are`;
  const hint = `${name} has ${which} not NAME=value (the text is not shown: it may hold a secret)`;
  return failed(
    'MALFORMED',
    hint,
    'write each line as NAME=value, with quotes around a value that has spaces, a # or several lines',
  );
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

/**
 * The grammar of python-dotenv, step by step, so that one `.env` file means the same to all services. (npm's dotenv ends
 * an unquoted value at any `#`, keeps `\"` in quotes, and passes over lines that it cannot read.) Only a line `NAME==` is
 * a bad one here: it is taken for the end of a base64 text of several lines that has no quotes.
 */
function parseDotenv(text: string): { entries: Entry[]; badLines: number[] } {
  const entries: Entry[] = [];
  const badLines: number[] = [];
  let at = 0;
  let line = 1;
  /** Go on past what matches here; undefined, without going on, where nothing does. */
  const read = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const [whole, part] = pattern.exec(text) ?? [];
    if (whole === undefined) return undefined;
    at += whole.length;
    line += whole.split(/\r\n|\n|\r/).length - 1;
    return part ?? whole;
  };
  /** Whether the line can be read; what it says is added to the entries. */
  const binding = (): boolean => {
    const here = line;
    if (read(BASE64_END) !== undefined) return false;
    read(/export[^\S\r\n]+/y);
    if (text[at] === '#') return read(END) !== undefined;
    const name = read(text[at] === "'" ? /'([^']+)'/y : /[^=#\s]+/y);
    if (name === undefined) return false;
    read(BLANK);
    const sign = read(/=[^\S\r\n]*/y);
    if (sign === undefined) return false;
    const isRemark = sign.length > 1 && text[at] === '#';
    const value = isRemark ? '' : read(VALUES.find(([quote]) => quote === text[at])?.[1] ?? /[^\r\n]*/y);
    if (value === undefined || read(END) === undefined) return false;
    entries.push({ name, value: unquoted(value), line: here });
    return true;
  };
  for (read(/\s*/y); at < text.length; read(/\s*/y)) {
    const here = line;
    if (binding()) continue;
    badLines.push(here);
    read(/[^\r\n]*/y);
  }
  return { entries, badLines };
}

const BASE64_END = /[A-Za-z0-9+/_-]+==[^\S\r\n]*(?=[\r\n]|$)/y;
const BLANK = /[^\S\r\n]*/y;
const END = /[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)/y;
const VALUES = [
  ["'", /'(?:\\.|[^'\\])*'/sy],
  ['"', /"(?:\\.|[^"\\])*"/sy],
] as const;
const ESCAPES: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unquoted(value: string): string {
  const inside = value.slice(1, -1);
  if (value.startsWith("'")) return inside.replace(/\\([\\'])/g, '$1');
  if (value.startsWith('"')) return inside.replace(/\\([\\'"abfnrtv])/g, (_, char: string) => ESCAPES[char] ?? char);
  return value.replace(/\s+#.*/, '').trimEnd();
}

export const fixture: Provider = {
  locate: (id) => ({ text: `fixture: ${id}`, fix: `give the test a value: {"${id}": …}` }),

  async fetch(places, { values }) {
    return answered(places, ({ id, text }) => {
      const value = values[id];
      return value === undefined ? undefined : { value, place: text };
    });
  },
};

// --- files -----------------------------------------------------------------------------------------------------------

const NO_TEXT = failed('MALFORMED', 'is not UTF-8 text', 'declare the field as SecretBytes if it is to be binary');
const NO_FILE = failed('MALFORMED', 'is a FIFO, a socket or a device, not a file');
const DENIED = failed(
  'DENIED',
  'may not be read by this process',
  'give the user of this process the right to read it',
);

const BY_ERROR: Readonly<Record<string, Failed>> = {
  EACCES: DENIED,
  EPERM: DENIED,
  ENXIO: NO_FILE,
  ELOOP: failed('MALFORMED', 'is a link that leads in a circle or was changed while it was read'),
  ENAMETOOLONG: failed('MALFORMED', 'has a name that is too long for a file'),
  ENOTDIR: failed('MALFORMED', 'has a path that leads through something that is not a folder'),
};

/** The bytes of a regular file of at most `limit` bytes; undefined if there is none. */
function readSmallFile(path: string, limit: number): Uint8Array | Failed | undefined {
  let file: number | undefined;
  try {
    // O_NONBLOCK: a FIFO that nobody writes to would hold up a plain open for ever.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const status = fstatSync(file);
    if (status.isDirectory()) return failed('MALFORMED', 'is a directory, not a file');
    if (!status.isFile()) return NO_FILE;
    if (status.size > limit)
      return failed('MALFORMED', `is larger than ${limit.toLocaleString('en')} bytes, the most that is read`);
    return readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error';
    if (code === 'ENOENT') return undefined;
    return BY_ERROR[code] ?? failed('UNAVAILABLE', `cannot be read (${code})`);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function notice(code: 'UNKNOWN' | 'INSECURE', provider: string, place: string, message: string, fix: string): Problem {
  return { field: '', code, message, places: [{ provider, place, outcome: code }], fix };
}
