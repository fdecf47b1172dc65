// What can be wrong, and how it is said: the outcomes and the report are those of Python's estate_config.

export type Code =
  | 'MISSING'
  | 'EMPTY'
  | 'NO_VALUE'
  | 'DELETED'
  | 'DENIED'
  | 'KMS'
  | 'UNAVAILABLE'
  | 'THROTTLED'
  | 'CREDENTIALS'
  | 'MALFORMED'
  | 'INVALID'
  | 'PLACEHOLDER'
  | 'UNKNOWN'
  | 'INSECURE'
  | 'PLUGIN'
  | 'SCHEMA';

/** One stop on the way of a setting: which provider, which place in its own spelling, and what it said. */
export interface Asked {
  readonly provider: string;
  readonly place: string;
  /** `absent`, `empty`, `found`, `not asked`, or a `Code`. */
  readonly outcome: string;
}

/** One thing that is wrong, as data, without a value in it. */
export interface Problem {
  /** The dotted name of the field, or '' where the problem is not one field's. */
  readonly field: string;
  readonly code: Code;
  readonly message: string;
  /** Where it was looked for, in the order of asking. */
  readonly places: readonly Asked[];
  /** The command or line that mends it; several alternatives stand on lines of their own. */
  readonly fix: string;
}

/** What was being loaded, for the head of a report. */
export interface LoadInfo {
  readonly service: string;
  readonly environment: string;
  readonly chain: readonly string[];
  readonly config: string;
}

/** All that is wrong with one load. Its message is the report for people; JSON.stringify gives the one for machines. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** EX_CONFIG of BSD's sysexits.h. */
  readonly exitCode = 78;
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
  readonly info: LoadInfo;

  constructor(problems: readonly Problem[], warnings: readonly Problem[], info: LoadInfo) {
    super(report(problems, warnings, info));
    this.problems = problems;
    this.warnings = warnings;
    this.info = info;
  }

  toJSON(): object {
    return { ...this.info, problems: this.problems, warnings: this.warnings };
  }
}

/** Print the report to stderr and end the process with exit code 78; what is no configuration error is thrown on. */
export function exitWithReport(error: unknown): never {
  if (!(error instanceof ConfigurationError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(error.exitCode);
}

export const count = (number: number, word: string): string => `${number} ${word}${number === 1 ? '' : 's'}`;

function report(problems: readonly Problem[], warnings: readonly Problem[], info: LoadInfo): string {
  const where = info.environment ? ` in ${info.environment}` : '';
  let head = `${info.service} cannot start${where}: ${count(problems.length, 'problem')}.`;
  if (warnings.length) head += ` ${count(warnings.length, 'warning')}.`;
  if (info.chain.length) head += `\nchain: ${info.chain.join(' → ')}   from ${info.config}`;
  return [head, ...groups(problems).map(block), ...groups(warnings).map(block)].join('\n\n');
}

/** Problems with one cause and one mend, such as a provider that cannot be reached, stand together. */
function groups(problems: readonly Problem[]): [Problem, ...Problem[]][] {
  const found = new Map<string, [Problem, ...Problem[]]>();
  for (const problem of problems) {
    const cause = JSON.stringify([problem.code, problem.message, problem.fix]);
    const group = found.get(cause);
    if (group) group.push(problem);
    else found.set(cause, [problem]);
  }
  return [...found.values()];
}

function block(group: [Problem, ...Problem[]]): string {
  const [first] = group;
  const names = group.flatMap((problem) => problem.field || []).join(', ');
  const lines = [names ? `${first.code}  ${names}` : first.code, `  ${first.message}`];
  if (group.length === 1) {
    lines.push(...table(first.places));
  } else if (new Set(group.map(({ places }) => JSON.stringify(places))).size > 1) {
    // Of several, what has the outcome is enough.
    lines.push(...table(group.flatMap(({ places, code }) => places.filter(({ outcome }) => outcome === code))));
  }
  if (first.fix) lines.push(...first.fix.split('\n').map((line, n) => `  ${n ? '   ' : 'fix'}  ${line}`));
  return lines.join('\n');
}

function table(steps: readonly Asked[]): string[] {
  const provider = Math.max(0, ...steps.map((step) => step.provider.length));
  const place = Math.max(0, ...steps.map((step) => step.place.length));
  return steps.map((step) =>
    `    ${step.provider.padEnd(provider)}  ${step.place.padEnd(place)}  ${step.outcome}`.trimEnd(),
  );
}
