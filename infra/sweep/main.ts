// `npm run sweep -- --stack FILE [--remove [--data-too]]`: what a stack left in its account after `pulumi destroy` (or while it stands). Tells
// only, unless asked to remove. Exit code 0: nothing is left; 3: something is.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { accountOf } from './account.ts';
import { described, find, remove, type Account, type Sought } from './sweep.ts';

const USAGE =
  'Usage: npm run sweep -- --stack FILE [--remove [--data-too]], FILE being the saved `pulumi stack output --json`; or --installation NAME --region REGION --account ID in its place';

/** A wrong command line, in one sentence. */
export class UsageError extends Error {}

export interface Options {
  readonly sought: Sought;
  readonly remove: boolean;
  readonly dataToo: boolean;
}

export function readOptions(args: readonly string[]): Options {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        ...{ stack: { type: 'string' }, installation: { type: 'string' }, region: { type: 'string' } },
        ...{ account: { type: 'string' }, remove: { type: 'boolean' }, 'data-too': { type: 'boolean' } },
      },
    }));
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('\n')[0]} ${USAGE}`);
  }
  const saved = values.stack === undefined ? {} : readStack(values.stack);
  const installation = values.installation ?? saved['installation'];
  const region = values.region ?? saved['region'];
  const accountId = values.account ?? saved['accountId'];
  if (!installation || !region || !accountId) throw new UsageError(USAGE);
  if (values['data-too'] && !values.remove)
    throw new UsageError('--data-too goes with --remove: it removes the buckets as well.');
  return {
    sought: { installation, region, accountId },
    remove: values.remove === true,
    dataToo: values['data-too'] === true,
  };
}

function readStack(file: string): Record<string, string> {
  try {
    const outputs = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
    if (['installation', 'region', 'accountId'].every((key) => typeof outputs[key] === 'string')) return outputs;
  } catch {
    // Told below.
  }
  throw new UsageError(`${file} is not the saved outputs of a stack. Save them: pulumi stack output --json > FILE`);
}

/** Resolves with the exit code. */
export async function sweep(options: Options, account: Account, tell: (line: string) => void): Promise<number> {
  const { installation, region } = options.sought;
  const left = await find(account, options.sought);
  if (left.length === 0) {
    tell(`Nothing of ${installation} is left in ${region}.`);
    return 0;
  }
  tell(`${left.length} ${left.length === 1 ? 'thing' : 'things'} of ${installation} in ${region}:`);
  for (const one of left)
    tell(`  ${described(one)}${one.data ? '  (data)' : ''}${one.removal ? '' : '  (goes by itself, or by hand)'}`);
  if (!options.remove) {
    tell('Nothing was changed. Remove them with --remove; buckets, with all data, with --remove --data-too.');
    return 3;
  }
  const { failed, kept } = await remove(account, left, options, tell);
  if (kept.length > 0) tell(`${kept.length} kept: ${kept.map(({ what }) => what).join(', ')}.`);
  if (failed.length > 0) tell(`${failed.length} could not be removed; run it again, as some wait for others.`);
  return failed.length + kept.length > 0 ? 3 : 0;
}

if (import.meta.main) {
  try {
    const options = readOptions(process.argv.slice(2));
    const account = accountOf(options.sought.region);
    process.exitCode = await sweep(options, account, (line) => process.stdout.write(`${line}\n`));
    account.close();
  } catch (error) {
    process.stderr.write(`sweep: ${(error as Error).message}\n`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
