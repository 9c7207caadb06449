// CloudWatch Logs filter patterns for plain text: `term`, `"a phrase"`, `?any ?of`, `-not`, `%regular expression%`.
// Terms are joined by and, unless all are optional. Patterns for JSON (`{ … }`) and columns (`[ … ]`) are refused.
import { AwsServiceError } from '../service.ts';

type Test = (message: string) => boolean;

export function filterPattern(pattern: string): Test {
  const text = pattern.trim();
  if (text === '') return () => true;
  if (/^[{[]/.test(text))
    throw new AwsServiceError('InvalidParameterException', 'Only text patterns are supported by this endpoint.', 400);
  const required: Test[] = [];
  const optional: Test[] = [];
  for (const [, sign = '', phrase, regex, word] of text.matchAll(/([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]+)%|(\S+))/g)) {
    const test = term(phrase?.replace(/\\(.)/g, '$1') ?? word ?? '', regex);
    if (sign === '?') optional.push(test);
    else required.push(sign === '-' ? (message) => !test(message) : test);
  }
  // As CloudWatch: optional terms beside required ones change nothing.
  if (required.length > 0) return (message) => required.every((test) => test(message));
  return (message) => optional.some((test) => test(message));
}

function term(text: string, regex: string | undefined): Test {
  if (regex === undefined) return (message) => message.includes(text);
  let expression: RegExp;
  try {
    expression = new RegExp(regex);
  } catch {
    throw new AwsServiceError('InvalidParameterException', 'Invalid filter pattern', 400);
  }
  return (message) => expression.test(message);
}
