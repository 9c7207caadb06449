// What a line of a worker's log says in figures (row 3.4): `Epoch 10/100, Loss: 0.234`, `Training progress: 45%`,
// `Model R2 Score: 0.85`. Pure, and never throws: a line is whatever a worker chose to write. Next: operator/training/log-follow.ts.

export interface LineFigures {
  /** Step of `steps`, both whole; step ≤ steps, steps ≥ 1. */
  readonly step?: number;
  readonly steps?: number;
  readonly loss?: number;
  /** 0 to 100. */
  readonly percent?: number;
  readonly metric?: { readonly name: string; readonly value: number };
}

/** A worker folds its lines to this; more of a line is not looked at. */
const MOST_LETTERS = 8_000;
/** A whole number or a decimal fraction, also `1e-5`; not the beginning of something else. */
const NUMBER = String.raw`([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)(?!\w|\.\d)`;
const EPOCH = /\bepoch\s{1,8}(\d{1,15})\s{0,8}\/\s{0,8}(\d{1,15})(?!\w|\.\d)/iu;
const LOSS = new RegExp(String.raw`^.{0,80}?\bloss\s{0,8}[:=]\s{0,8}${NUMBER}`, 'iu');
const PROGRESS = new RegExp(String.raw`\btraining progress\s{0,8}:\s{0,8}${NUMBER}\s{0,8}%`, 'iu');
const SCORE = new RegExp(String.raw`\bmodel\s{1,8}(\S.{0,79}?)\s{1,8}score\s{0,8}:\s{0,8}${NUMBER}`, 'iu');

/** All figures of a message; of several lines in it the last that says something counts. What is not a finite number is left out. */
export function readFigures(message: string): LineFigures {
  let figures: LineFigures = {};
  for (const line of message.slice(0, MOST_LETTERS).split(/[\r\n]+/)) figures = { ...figures, ...ofLine(line) };
  return figures;
}

export const saysNothing = (figures: LineFigures): boolean => Object.keys(figures).length === 0;

function ofLine(line: string): LineFigures {
  const epoch = EPOCH.exec(line);
  const percent = numberOf(PROGRESS.exec(line)?.[1]);
  return {
    ...(epoch ? { ...stepOf(epoch), ...lossOf(line.slice(epoch.index + epoch[0].length)) } : {}),
    ...(percent !== undefined && percent >= 0 && percent <= 100 ? { percent } : {}),
    ...metricOf(SCORE.exec(line)),
  };
}

function stepOf([, done, all]: RegExpExecArray): LineFigures {
  const [step, steps] = [Number(done), Number(all)];
  return steps >= 1 && step <= steps ? { step, steps } : {};
}

function lossOf(rest: string): LineFigures {
  const loss = numberOf(LOSS.exec(rest)?.[1]);
  return loss === undefined ? {} : { loss };
}

function metricOf(score: RegExpExecArray | null): LineFigures {
  const value = numberOf(score?.[2]);
  return score?.[1] === undefined || value === undefined ? {} : { metric: { name: score[1], value } };
}

/** `1e999` is no number either. */
function numberOf(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : undefined;
}
