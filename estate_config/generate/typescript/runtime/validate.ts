// From answers to valid values, or to problems. zod's own errors never leave: they may hold a part of a value.

import { createHash } from 'node:crypto';

import type { z } from 'zod';

import type { Schema, Setting } from './model.js';
import type { Code, Problem } from './problems.js';
import type { Answer } from './resolve.js';

type ByField = ReadonlyMap<string, Answer>;

/** The fields that a template names, by their names in it. */
function partsOf({ field, template = '' }: Setting): Map<string, string> {
  const level = field.slice(0, field.lastIndexOf('.') + 1);
  return new Map([...template.matchAll(BRACES)].flatMap(([, name]) => (name ? [[name, level + name] as const] : [])));
}

const BRACES = /\{\{|\}\}|\{(\w+)\}/gu;

/** Build the fields that no provider has and that have a template; none in an enclosing field whose default stands. */
export function fillTemplates(answers: ByField): void {
  for (const answer of answers.values()) {
    if (answer.setting.template !== undefined && !standsByDefault(answer, answers)) textOf(answer, answers);
  }
}

/** The text of a field for use in a template, built first where it has a template of its own. */
function textOf(answer: Answer, answers: ByField): string | undefined {
  const { template } = answer.setting;
  if (template !== undefined && !answer.found && !answer.failed) {
    const parts = partsOf(answer.setting);
    const texts = new Map<string, string>();
    for (const [name, field] of parts) {
      const part = answers.get(field);
      const text = part && textOf(part, answers);
      if (text !== undefined) texts.set(name, text);
    }
    if (texts.size === parts.size) {
      const place = `built from ${[...parts.values()].join(', ')}`;
      answer.found = { value: rendered(template, texts), place, provider: 'template' };
      answer.asked.push({ provider: 'template', place, outcome: 'found' });
    }
  }
  if (answer.found) return answer.found.value.toString();
  return answer.failed ? undefined : answer.setting.defaultText;
}

/** In a URL, the parts are percent-encoded. */
function rendered(template: string, parts: ReadonlyMap<string, string>): string {
  const encode = template.includes('://') ? percentEncoded : (text: string) => text;
  return template.replace(BRACES, (brace: string, name?: string) =>
    name ? encode(parts.get(name) ?? '') : brace.charAt(0),
  );
}

const percentEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** The problems of the chain: what failed, and what is required and nowhere. */
export function lacking(answers: ByField): Problem[] {
  const problems = new Map<string, Problem>();
  const missing = [...answers.values()].filter((answer) => isLacking(answer, answers));
  for (const answer of answers.values()) {
    const { setting, failed } = answer;
    if (failed) problems.set(setting.field, problem(answer, failed.code, failed.hint, failed.fix));
    else if (missing.includes(answer) && setting.template === undefined) problems.set(setting.field, absent(answer));
  }
  for (const answer of missing) {
    const names = [...new Set(unbuiltFrom(answer, answers))];
    if (!names.length || names.some((name) => problems.has(name))) continue; // a consequence of those
    const message = `no provider has it, and it cannot be built: ${names.join(', ')} has no value`;
    problems.set(answer.setting.field, problem(answer, 'MISSING', message, puts(answer)));
  }
  return [...answers.keys()].flatMap((field) => problems.get(field) ?? []);
}

function isLacking(answer: Answer, answers: ByField): boolean {
  const needed = Boolean(answer.setting.required) && !standsByDefault(answer, answers);
  return needed && !answer.found && !answer.failed;
}

/** Whether an enclosing field has a default, and none of its fields was found. */
function standsByDefault({ setting: { optionalParents = [] } }: Answer, answers: ByField): boolean {
  const found = [...answers.values()].flatMap((answer) => (answer.found ? answer.setting.field : []));
  return optionalParents.some((parent) => !found.some((field) => field.startsWith(`${parent}.`)));
}

/** The fields without a value that a template needs, through templates of templates. */
function unbuiltFrom({ setting }: Answer, answers: ByField): string[] {
  if (setting.template === undefined) return setting.defaultText === undefined ? [setting.field] : [];
  const parts = [...partsOf(setting).values()].flatMap((field) => answers.get(field) ?? []);
  return parts.flatMap((part) => (part.found ? [] : unbuiltFrom(part, answers)));
}

function absent(answer: Answer): Problem {
  if (answer.asked.length) {
    const empty = answer.asked.some(({ outcome }) => outcome === 'empty');
    if (empty) return problem(answer, 'EMPTY', 'is empty, and an empty text is no value here', puts(answer));
    return problem(answer, 'MISSING', 'no provider of the chain has it', puts(answer));
  }
  const { providers } = answer.setting;
  let why = 'no provider of the chain serves settings that are no secrets';
  if (providers) why = `only ${providers.join(', ')} may be asked, and the chain has none of them`;
  if (providers?.length === 0) why = 'nobody may be asked: its providers= is empty';
  return problem(answer, 'MISSING', why, 'give it a default, or put the provider into the chain in estate.toml');
}

/** How to put a value where it was looked for, a line for each provider that was asked. */
const puts = ({ asked, places }: Answer): string =>
  places.flatMap(({ fix, change }, n) => (asked[n]?.outcome === 'empty' && change) || fix || []).join('\n');

function problem({ setting, asked }: Answer, code: Code, message: string, fix: string): Problem {
  return { field: setting.field, code, message, places: [...asked], fix };
}

/** The secrets that have the value of an example, where the environment forbids that. */
export function placeholders(schema: Schema<unknown>, answers: ByField): Problem[] {
  const message = 'has the value of an example, which this environment forbids';
  const isExample = ({ setting, found }: Answer): boolean => {
    if (!setting.secret || !found || found.provider === 'template') return false; // its parts are looked at
    const words = found.value.toString().trim();
    const hash = createHash('sha256').update(words).digest('hex');
    return schema.knownExamples?.test(words) || Boolean(setting.examples?.includes(hash));
  };
  return [...answers.values()].filter(isExample).map((one) => problem(one, 'PLACEHOLDER', message, putAgain(one)));
}

/** The values, nested as the schema is; pushes what is wrong with them to `problems`, each field once. */
export function validated<T>(schema: Schema<T>, answers: ByField, problems: Problem[]): T | undefined {
  const result = schema.type.safeParse(inputs(answers), { error: ({ code }) => WORDS[code ?? ''] ?? 'is not valid' });
  if (result.success) return result.data;
  problems.push(...invalid(result.error.issues, answers, new Set(problems.map(({ field }) => field))));
  if (!problems.length) {
    problems.push({ field: '', code: 'INVALID', message: 'the schema refuses the values', places: [], fix: '' });
  }
  return undefined;
}

function invalid(issues: readonly z.core.$ZodIssue[], answers: ByField, reported: ReadonlySet<string>): Problem[] {
  const wrong = new Map<string, Problem>();
  for (const issue of issues) {
    const answer = answerAt(issue.path, answers);
    if (!answer?.found || reported.has(answer.setting.field)) continue; // what is not there is reported
    const malformed = issue.code === 'custom' && issue.params?.['malformed'] === true;
    const message = malformed ? issue.message : `${issue.message} (declared: ${answer.setting.declared})`;
    wrong.set(
      answer.setting.field + message,
      problem(answer, malformed ? 'MALFORMED' : 'INVALID', message, putAgain(answer)),
    );
  }
  const fields = new Set([...reported, ...[...wrong.values()].map(({ field }) => field)]);
  const isConsequence = ({ field }: Problem): boolean =>
    builtFrom(answers.get(field), answers).some((part) => fields.has(part));
  const problems = [...wrong.values()].filter((one) => one.code === 'MALFORMED' || !isConsequence(one));
  return problems.sort((a, b) => Number(b.code === 'MALFORMED') - Number(a.code === 'MALFORMED'));
}

const WORDS: Readonly<Record<string, string>> = {
  invalid_type: 'is of another type',
  too_small: 'is too short',
  too_big: 'is too long',
  invalid_value: 'is none of the values that are allowed',
  unrecognized_keys: 'has members that the schema does not know',
};

function inputs(answers: ByField): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { setting, found } of answers.values()) {
    if (!found && setting.optionalParents) continue;
    const path = setting.field.split('.');
    const name = path.pop() ?? '';
    const level = path.reduce((at, step) => (at[step] ??= {}) as Record<string, unknown>, values);
    if (found) level[name] = found.value;
  }
  return values;
}

/** The setting that an issue is about; what comes after its path may be a key out of the value. */
function answerAt(path: readonly PropertyKey[], answers: ByField): Answer | undefined {
  const lengths = path.map((_, n) => n + 1);
  return lengths.map((length) => answers.get(path.slice(0, length).join('.'))).find((answer) => answer);
}

/** How to put a good value where the bad one was found. */
function putAgain({ asked, found, places }: Answer): string {
  if (found?.provider === 'template') return `correct the values it is ${found.place}, or the template`;
  const place = places[asked.findIndex(({ provider }) => provider === found?.provider)];
  return place?.change || place?.fix || '';
}

/** The fields that a value was built from, through templates of templates: what is wrong with them is said there. */
function builtFrom(answer: Answer | undefined, answers: ByField): string[] {
  if (answer?.found?.provider !== 'template') return [];
  return [...partsOf(answer.setting).values()].flatMap((part) => [part, ...builtFrom(answers.get(part), answers)]);
}
