// The way of a load: environment, chain, resolution, validation; complete and valid values, or one ConfigurationError.

import { dirname, resolve as absolute } from 'node:path';
import { inspect } from 'node:util';

import type { Environment, Schema, Setting, Values } from './model.js';
import { type Asked, ConfigurationError, count, type LoadInfo, type Problem } from './problems.js';
import { type Answer, resolve } from './resolve.js';
import { fillTemplates, lacking, placeholders, validated } from './validate.js';

const MASK = '**********';

export interface LoadOptions {
  /** The environment; without it, as the environment variables say. */
  readonly environment?: string;
  /** What the provider `fixture` has, for tests: texts by field name, dotted for nested ones. */
  readonly values?: Values;
}

/** How one setting got its value. Never the value. */
export interface Provenance {
  readonly field: string;
  readonly secret: boolean;
  readonly provider: string;
  readonly place: string;
  readonly version: string | null;
  readonly stage: string | null;
  readonly asked: readonly Asked[];
}

export interface Explanation extends LoadInfo {
  readonly loaded_at: string;
  readonly settings: readonly Provenance[];
  readonly warnings: readonly Problem[];
}

/** Return what a service is given: functions that load, hold and explain its values. */
export function secretsOf<T extends object>(schema: Schema<T>) {
  let current: { readonly values: T; readonly explanation: Explanation } | undefined;

  const loaded = () => {
    if (!current) throw new Error('Secrets not loaded: `await loadSecrets()` comes first, at start-up');
    return current;
  };
  return {
    /** Load all values; throws a `ConfigurationError` with all that is wrong, and then keeps those of the last load. */
    loadSecrets: async (options: LoadOptions = {}): Promise<T> => {
      current = await load(schema, options);
      return current.values;
    },
    /** The values of the last load. Secrets show as asterisks in `console.log` and JSON, and are not enumerated. */
    getSecrets: (): T => loaded().values,
    /** Where each value came from, without any value. */
    explainSecrets: (): Explanation => loaded().explanation,
  };
}

async function load<T extends object>(schema: Schema<T>, options: LoadOptions) {
  const started = performance.now();
  const { name, environment } = chosen(schema, options);
  const chain = environment.chain.map(({ provider, nextOn }) => {
    const exceptions = (nextOn ?? []).map((code) => `on_${code.toLowerCase()} = next`).join(', ');
    return exceptions ? `${provider} (${exceptions})` : provider;
  });
  const info: LoadInfo = { service: schema.service, environment: name, chain, config: schema.config };
  const { answers, warnings } = await resolve(schema.settings, environment, {
    environment: name,
    folder: dirname(absolute(process.env['ESTATE_CONFIG'] || schema.config)),
    remaining: () => Math.max(0, started + environment.deadline * 1_000 - performance.now()),
    signal: AbortSignal.timeout(environment.deadline * 1_000),
    values: options.values ?? {},
  });
  const values = complete(schema, environment, answers, unknownValues(schema, options), warnings, info);
  for (const { code, places, message } of warnings) {
    console.warn(`${code} ${places.map(({ place }) => place).join(', ')}: ${message}`);
  }
  console.info(successLine(answers, environment, info, (performance.now() - started) / 1_000));
  const explanation = { ...info, loaded_at: new Date().toISOString(), settings: answers.map(provenance), warnings };
  return { values: concealed(values, schema.settings), explanation };
}

function complete<T>(
  schema: Schema<T>,
  environment: Environment,
  answers: readonly Answer[],
  problems: Problem[],
  warnings: readonly Problem[],
  info: LoadInfo,
): T {
  const byField = new Map(answers.map((answer) => [answer.setting.field, answer]));
  fillTemplates(byField);
  problems.push(...lacking(byField));
  if (environment.forbidExamples) problems.push(...placeholders(schema, byField));
  const values = validated(schema, byField, problems);
  if (problems.length || values === undefined) throw new ConfigurationError(problems, warnings, info);
  return values;
}

function chosen(
  schema: Schema<unknown>,
  { environment: given }: LoadOptions,
): { name: string; environment: Environment } {
  const variable = schema.environmentVariables.find((name) => process.env[name]);
  const name = given ?? (variable ? process.env[variable] : schema.defaultEnvironment);
  if (name === undefined) {
    const variables = schema.environmentVariables.join(', ') || 'none are listed';
    const message = `nothing says which environment this is: no variable is set (${variables}), and there is no default`;
    throw schemaError(schema, message, `set one of them, or default_environment in ${schema.config}`);
  }
  const environments: Readonly<Record<string, Environment>> = { test: TEST, ...schema.environments };
  const environment = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (environment) return { name, environment };
  const saidBy = given === undefined ? (variable ?? 'default_environment') : 'the call';
  const message = `there is no environment "${name}", asked for by ${saidBy}; there is: ${Object.keys(environments).join(', ')}`;
  const fix = `add [environments.${name}] to ${schema.config} and generate this file again, or name one that is there`;
  throw schemaError(schema, message, fix);
}

/** Values come from the tests, and from nowhere else. */
const TEST: Environment = { deadline: 15, chain: [{ provider: 'fixture', title: 'values given by hand' }] };

function schemaError({ service, config }: Schema<unknown>, message: string, fix: string): ConfigurationError {
  const problem: Problem = { field: '', code: 'SCHEMA', message: `${config}: ${message}`, places: [], fix };
  return new ConfigurationError([problem], [], { service, environment: '', chain: [], config });
}

function unknownValues({ service, settings }: Schema<unknown>, { values = {} }: LoadOptions): Problem[] {
  const known = new Set(settings.map(({ field }) => field));
  const fix = 'values given by hand are keyed by field name, dotted for nested fields';
  const unknown = Object.keys(values).filter((name) => !known.has(name));
  return unknown.map((name) => ({
    field: name,
    code: 'UNKNOWN',
    message: `${service} has no field '${name}'; there is: ${[...known].join(', ')}`,
    places: [],
    fix,
  }));
}

function provenance({ setting, found, asked }: Answer): Provenance {
  return {
    field: setting.field,
    secret: Boolean(setting.secret),
    provider: found?.provider ?? 'default',
    place: found?.place ?? 'the schema',
    version: found?.version ?? null,
    stage: found?.stage ?? null,
    asked,
  };
}

/** The one line of a good start; the providers that answered are the ones named, no value is. */
function successLine(answers: readonly Answer[], { chain }: Environment, info: LoadInfo, seconds: number): string {
  const found = answers.flatMap(({ setting, found: one }) =>
    one ? [{ secret: setting.secret, by: one.provider }] : [],
  );
  const secrets = found.filter(({ secret }) => secret);
  const titles = new Map(chain.map(({ provider, title }) => [provider, title]));
  const named = new Set((secrets.length ? secrets : found).map(({ by }) => titles.get(by) ?? by));
  const providers = [...new Set(found.map(({ by }) => by))];
  const counts = providers.map((name) => `${name} ${found.filter(({ by }) => by === name).length}`);
  const defaults = answers.length - found.length;
  if (defaults) counts.push(`default ${defaults}`);
  return (
    `${secrets.length ? 'Secrets' : 'Settings'} loaded successfully from ` +
    `${[...named].join(' and ') || "the schema's defaults"} ` +
    `(${info.service}, ${info.environment}: ${count(secrets.length, 'secret')}, ` +
    `${count(answers.length, 'setting')} in all; ${counts.join(', ')}; ${seconds.toFixed(2)} s)`
  );
}

/** The same values, read-only; secrets are not enumerated, and show as asterisks in `console.log` and JSON. */
function concealed<T extends object>(values: T, settings: readonly Setting[], path = ''): T {
  const copy = {};
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values) as [string, unknown][]) {
    const field = path + name;
    const secret = settings.some((setting) => setting.secret && setting.field === field);
    const isNested = !secret && value !== null && settings.some((setting) => setting.field.startsWith(`${field}.`));
    const inner = isNested ? concealed(value as object, settings, `${field}.`) : value;
    Object.defineProperty(copy, name, { enumerable: !secret, get: () => inner });
    shown[name] = secret && value !== null ? MASK : inner;
  }
  for (const name of ['toJSON', inspect.custom]) Object.defineProperty(copy, name, { value: () => shown });
  return Object.freeze(copy) as T;
}
