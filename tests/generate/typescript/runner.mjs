// Loads what the generated TypeScript describes, once for each line of standard input, in the environment that the line
// says; the answers go to a channel of their own, so that all that is printed can be searched for secrets.

import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { inspect } from 'node:util';

const [, , module, channel] = process.argv;
const { ConfigurationError, explainSecrets, getSecrets, loadSecrets } = await import(module);

function plain(value) {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString('hex') };
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const names = Object.getOwnPropertyNames(value).filter((name) => name !== 'toJSON');
  return Object.fromEntries(names.map((name) => [name, plain(value[name])]));
}

for await (const line of createInterface({ input: process.stdin })) {
  const { environment, folder, options } = JSON.parse(line);
  for (const name of Object.keys(process.env)) delete process.env[name];
  Object.assign(process.env, environment);
  process.chdir(folder);
  let answer;
  try {
    await loadSecrets(options);
    const bare = inspect(getSecrets(), { customInspect: false, getters: true, depth: 9 }); // as assertions do
    const shown = [inspect(getSecrets()), bare, JSON.stringify([getSecrets(), explainSecrets()])].join('\n');
    answer = { explained: explainSecrets(), values: plain(getSecrets()), shown, problems: [], warnings: [] };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const shown = [inspect(error, { depth: 9, showHidden: true }), error.stack, JSON.stringify(error)].join('\n');
    answer = { ...JSON.parse(JSON.stringify(error)), report: error.message, exitCode: error.exitCode, shown };
  }
  writeSync(Number(channel), `${JSON.stringify(answer)}\n`);
}
