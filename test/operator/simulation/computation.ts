// A training in little: a chain of states, each made of the one before, so that a model tells whether every step was taken once and
// in order, however often the training moved to another machine.

/** Sixteen hex digits. */
export type State = string;

export function firstState(etag: string, seed: number): State {
  let state = '0000000000000000';
  for (const sign of `${etag} ${seed}`) state = mix(state, sign.codePointAt(0) ?? 0);
  return state;
}

/** The state after step `step` (1 for the first). */
export const nextState = (state: State, step: number): State => mix(state, step);

/** What an uninterrupted training of `steps` steps ends with. */
export function lastState(etag: string, seed: number, steps: number): State {
  let state = firstState(etag, seed);
  for (let step = 1; step <= steps; step += 1) state = nextState(state, step);
  return state;
}

function mix(state: State, value: number): State {
  const high = Number.parseInt(state.slice(0, 8), 16);
  const low = Number.parseInt(state.slice(8), 16);
  const one = Math.imul(high ^ (low >>> 13), 0x85ebca6b) ^ value;
  const other = Math.imul(low ^ (one >>> 11), 0xc2b2ae35) + high;
  return hex(one ^ (other >>> 7)) + hex(other);
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
