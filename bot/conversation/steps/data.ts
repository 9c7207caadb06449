// "Send me a CSV file": the step both conversations share. A table comes as a file, by an address, by an upload link or from the
// recent ones; what became of it comes back as tableRead or tableRefused with this step's token. Next: target, or prediction column.
import { readableKey } from '../../../cloud/access.ts';
import { AccessError } from '../../../cloud/errors.ts';
import { datasetKey, s3Uri } from '../../../cloud/keys.ts';
import {
  askData,
  foreign,
  needFile,
  receiving,
  stillReading,
  TELEGRAM_DOWNLOAD_BYTES,
  unfit,
} from '../../wording/data.ts';
import type { Effect, Purpose } from '../effect.ts';
import type { Facts } from '../facts.ts';
import type { Input } from '../input.ts';
import type { At, Table } from '../state.ts';
import { mark, pressed, refusal, say, toast, turn, valueOf, type Turn } from '../turn.ts';

/** Smaller files are there before a message about them would be. */
const ANNOUNCED_BYTES = 2_000_000;

type DataState = At<'trainData'> | At<'predictData'>;

const purposeOf = ({ step }: DataState): Purpose => (step === 'trainData' ? 'train' : 'predict');

/** What differs between the two conversations: how the next step begins, or why this table will not do. */
export type Accept<S> = (state: S, table: Table, facts: Facts) => Turn | { readonly refused: string };

export function onData<S extends DataState>(
  state: S,
  input: Input,
  facts: Facts,
  accept: Accept<S>,
  question: string,
): Turn {
  switch (input.kind) {
    case 'document':
      return state.busy ? turn(state, say(stillReading(state.busy))) : document(state, input, facts);
    case 'text':
      return state.busy ? turn(state, say(stillReading(state.busy))) : address(state, input.text, facts);
    case 'button':
      return state.busy ? turn(state, toast(input.queryId, 'A moment, please.')) : buttonPressed(state, input, facts);
    case 'foreign':
      return turn(state, say({ html: foreign(input.what) }));
    case 'tableRead': {
      const accepted = accept(state, input.table, facts);
      if (!('refused' in accepted)) return accepted;
      return turn(again(state), say(unfit(input.table.name, accepted.refused)));
    }
    case 'tableRefused':
      return turn(again(state), say(unfit(state.busy, input.message)));
    default:
      return turn(state, say(askData(state.token, facts, question, purposeOf(state))));
  }
}

/** The step with nothing under way; an upload link stays good. */
const again = <S extends DataState>(state: S): S => ({ ...state, busy: undefined });

function document(state: DataState, input: Extract<Input, { kind: 'document' }>, facts: Facts): Turn {
  const { fileId, name, bytes } = input;
  if (bytes > TELEGRAM_DOWNLOAD_BYTES) return link(state, name, facts);
  return turn({ ...state, busy: name }, ...(bytes > ANNOUNCED_BYTES ? [say(receiving(name, bytes))] : []), {
    do: 'upload',
    token: state.token,
    fileId,
    name,
    bytes,
    purpose: purposeOf(state),
  });
}

function link(state: DataState, name: string, facts: Facts, before: readonly Effect[] = []): Turn {
  const uri = s3Uri(facts.bucket.bucket, datasetKey(facts.bucket, facts.userId, facts.now, name));
  const effect: Effect = { do: 'uploadLink', token: state.token, uri, name };
  return turn({ ...state, awaited: { uri, name } }, ...before, effect);
}

function address(state: DataState, typed: string, facts: Facts): Turn {
  const uri = typed.trim();
  if (!/^s3:/i.test(uri)) return turn(state, say(needFile()));
  try {
    readableKey(facts.bucket, facts.userId, 'dataset', uri);
  } catch (error) {
    if (!(error instanceof AccessError)) throw error;
    return turn(state, refusal('UseDataset', uri, error.message), say(unfit(undefined, error.message)));
  }
  return inspect(state, uri, nameOf(uri), false);
}

function buttonPressed(state: DataState, input: Extract<Input, { kind: 'button' }>, facts: Facts): Turn {
  const value = valueOf(input.data);
  const answered = toast(input.queryId, '');
  if (value === 'link') return link(state, 'data.csv', facts, [answered]);
  if (value === 'done') {
    if (!state.awaited) return turn(state, toast(input.queryId, 'There is no upload to look for.'));
    return inspect(state, state.awaited.uri, state.awaited.name, true, [answered]);
  }
  const chosen = facts.datasets?.find(({ uri }) => value === `d${mark(uri)}`);
  if (!chosen)
    return turn(
      state,
      refusal('UseDataset', input.data, 'No data set of this user.'),
      toast(input.queryId, 'That file is not there any more.'),
    );
  return inspect(state, chosen.uri, chosen.name, false, pressed(input));
}

function inspect(state: DataState, uri: string, name: string, discard: boolean, before: readonly Effect[] = []): Turn {
  const effect: Effect = { do: 'inspect', token: state.token, uri, name, discard, purpose: purposeOf(state) };
  return turn({ ...state, busy: name }, ...before, effect);
}

/** `…/20260101T120000Z_name.csv` → `name.csv`. */
export const nameOf = (uri: string): string => (uri.split('/').at(-1) ?? uri).replace(/^\d{8}T\d{6}Z_/, '');
