// kubectl's JSONPath as far as printer columns use it: fields (also escaped dots and ['…']), indices, slices, `*` and
// filters such as [?(@.type=="Complete")]. Parsed once for each column; a missing field yields nothing.

type Step = (value: unknown) => unknown[];

const cache = new Map<string, readonly Step[]>();

/** Throws when the path can't be read. */
export function findAll(path: string, value: unknown): unknown[] {
  let steps = cache.get(path);
  if (steps === undefined) {
    steps = parse(path);
    cache.set(path, steps);
  }
  return steps.reduce<unknown[]>((values, step) => values.flatMap(step), [value]);
}

function parse(path: string): Step[] {
  const steps: Step[] = [];
  let rest = path.replace(/^\{(.*)\}$/, '$1').replace(/^\$/, '');
  while (rest !== '') {
    const name = /^\.?((?:[^.[\]\\*]|\\.)+)/.exec(rest);
    const wild = /^\.\*|^\[\*\]/.exec(rest);
    const bracket = /^\[((?:'[^']*'|"[^"]*"|[^\]'"])*)\]/.exec(rest);
    if (wild !== null) {
      steps.push(children);
      rest = rest.slice(wild[0].length);
    } else if (bracket !== null) {
      steps.push(parseBracket(bracket[1] ?? ''));
      rest = rest.slice(bracket[0].length);
    } else if (name !== null) {
      steps.push(field((name[1] ?? '').replace(/\\(.)/g, '$1')));
      rest = rest.slice(name[0].length);
    } else if (rest === '.') {
      rest = '';
    } else {
      throw new SyntaxError(`unrecognized JSONPath at "${rest}"`);
    }
  }
  return steps;
}

function parseBracket(inside: string): Step {
  const quoted = /^\s*(?:'(.*)'|"(.*)")\s*$/.exec(inside);
  if (quoted !== null) return field(quoted[1] ?? quoted[2] ?? '');
  if (/^-?\d+$/.test(inside)) return (value) => (Array.isArray(value) ? present(value.at(Number(inside))) : []);
  const slice = /^(-?\d*):(-?\d*)$/.exec(inside);
  if (slice !== null) {
    const [from, to] = [slice[1] || '0', slice[2]];
    return (value) =>
      Array.isArray(value) ? (value as unknown[]).slice(Number(from), to ? Number(to) : undefined) : [];
  }
  const filter = /^\?\((.*)\)$/.exec(inside);
  if (filter !== null) return parseFilter(filter[1] ?? '');
  throw new SyntaxError(`unrecognized JSONPath in brackets: [${inside}]`);
}

function parseFilter(expression: string): Step {
  const comparison = /^\s*@(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*$/.exec(expression);
  const path = comparison?.[1] ?? /^\s*@(.*?)\s*$/.exec(expression)?.[1];
  if (path === undefined) throw new SyntaxError(`unrecognized JSONPath filter: ${expression}`);
  const steps = parse(path);
  const look = (item: unknown) => steps.reduce<unknown[]>((values, step) => values.flatMap(step), [item]);
  const test = comparison === null ? () => true : compare(comparison[2] ?? '', literal(comparison[3] ?? ''));
  return (value) => children(value).filter((item) => look(item).some(test));
}

function literal(text: string): unknown {
  const quoted = /^(?:'(.*)'|"(.*)")$/.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2];
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  if (Number.isNaN(number)) throw new SyntaxError(`unrecognized JSONPath literal: ${text}`);
  return number;
}

function compare(operator: string, right: unknown): (left: unknown) => boolean {
  switch (operator) {
    case '==':
      return (left) => left === right;
    case '!=':
      return (left) => left !== right;
    case '<':
      return (left) => (left as number) < (right as number);
    case '<=':
      return (left) => (left as number) <= (right as number);
    case '>':
      return (left) => (left as number) > (right as number);
    default:
      return (left) => (left as number) >= (right as number);
  }
}

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function field(name: string): Step {
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, name)
      ? present((value as Record<string, unknown>)[name])
      : [];
}

function present(value: unknown): unknown[] {
  return value === undefined ? [] : [value];
}
