// Parts of a stored value, for addresses that say `secret#member`.

import { type Failed, failed, utf8 } from './model.js';
import { json } from './types.js';

type Part = string | Uint8Array | Failed | undefined;

/** What a place asks for of a stored value: bytes, text, a member of its JSON; undefined: it has no such member. */
export function partOf(stored: string | Uint8Array, member: string | undefined, binary: boolean): Part {
  if (binary && member === undefined) return stored;
  const text = typeof stored === 'string' ? stored : utf8(stored);
  if (text === undefined) {
    return failed('MALFORMED', 'is not text in UTF-8', 'declare the field as SecretBytes if it is binary');
  }
  return member === undefined ? text : memberOf(text, member);
}

function memberOf(text: string, member: string): string | Failed | undefined {
  const asks = `and the schema asks for its member '${member}'`;
  const document = json(text);
  if (document === undefined) return failed('MALFORMED', `is not JSON, ${asks}`);
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return failed('MALFORMED', `is JSON but not an object, ${asks}`);
  }
  if (!Object.hasOwn(document, member)) return undefined;
  const value: unknown = (document as Record<string, unknown>)[member];
  if (value === null) return failed('NO_VALUE', `has the member '${member}', but it is null`);
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? digitsOf(text, member) : JSON.stringify(value);
}

/** A number as it was written: JavaScript would round it. */
function digitsOf(text: string, member: string): string {
  const quoted = text.replace(/"(?:\\.|[^"\\])*"|-?\d[\d.eE+-]*/g, (part) =>
    part.startsWith('"') ? part : `"${part}"`,
  );
  return String((json(quoted) as Record<string, unknown>)[member]);
}
