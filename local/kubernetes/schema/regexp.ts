// Patterns in schemas and CEL are Go's RE2; JavaScript's differ in spelling only where it matters here: inline flags,
// \A, \z, \Q…\E, (?P<name>), POSIX classes and \p{L} without braces. What RE2 lacks (look-around, back references) is refused.

const POSIX_CLASSES: Record<string, string> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

const cache = new Map<string, RegExp>();

/** Throws SyntaxError when RE2 would refuse the pattern. `flags`: `g` for all matches. */
export function compileRe2(pattern: string, flags: '' | 'g' = ''): RegExp {
  const key = `${flags}/${pattern}`;
  let compiled = cache.get(key);
  if (compiled === undefined) {
    compiled = new RegExp(toJavaScript(pattern), `u${flags}`);
    cache.set(key, compiled);
  }
  compiled.lastIndex = 0;
  return compiled;
}

/** The same pattern in JavaScript's spelling, for the `u` flag. */
export function toJavaScript(pattern: string): string {
  let out = '';
  let open = 0;
  let i = 0;
  let inClass = false;
  // Groups that an inline flag `(?i)` opened, to be closed where the group around it closes.
  const opened: number[] = [0];
  while (i < pattern.length) {
    const rest = pattern.slice(i);
    if (inClass) {
      const posix = /^\[:(\^?)([a-z]+):\]/.exec(rest);
      if (posix !== null) {
        const members = POSIX_CLASSES[posix[2] ?? ''];
        if (members === undefined || posix[1] === '^')
          throw new SyntaxError(`invalid character class range: ${posix[0]}`);
        out += members;
        i += posix[0].length;
      } else if (rest.startsWith('\\')) {
        const [text, length] = escape(rest);
        out += text;
        i += length;
      } else {
        if (rest.startsWith(']')) inClass = false;
        out += rest.startsWith('[') ? '\\[' : rest.charAt(0);
        i += 1;
      }
      continue;
    }
    const quoted = /^\\Q([\s\S]*?)(\\E|$)/.exec(rest);
    const flagGroup = /^\(\?([imsU]+)\)/.exec(rest);
    if (quoted !== null) {
      out += (quoted[1] ?? '').replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
      i += quoted[0].length;
    } else if (flagGroup !== null) {
      out += `(?${flagGroup[1]?.replaceAll('U', '')}:`;
      opened[open] = (opened[open] ?? 0) + 1;
      i += flagGroup[0].length;
    } else if (/^\(\?(<?[=!]|#|>)/.test(rest)) {
      throw new SyntaxError(`invalid or unsupported Perl syntax: ${rest.slice(0, 3)}`);
    } else if (rest.startsWith('(?P<')) {
      open += 1;
      opened[open] = 0;
      out += '(?<';
      i += 4;
    } else if (rest.startsWith('\\')) {
      if (/^\\[1-9]/.test(rest)) throw new SyntaxError(`invalid escape sequence: ${rest.slice(0, 2)}`);
      const [text, length] = escape(rest);
      out += text;
      i += length;
    } else if (rest.startsWith('[')) {
      inClass = true;
      const start = /^\[\^?\]?/.exec(rest)?.[0] ?? '[';
      out += start.endsWith(']') ? `${start.slice(0, -1)}\\]` : start;
      i += start.length;
    } else {
      const character = rest.charAt(0);
      if (character === '(') {
        open += 1;
        opened[open] = 0;
      } else if (character === ')') {
        out += ')'.repeat(opened[open] ?? 0);
        open -= 1;
      }
      const literalBrace =
        (character === '{' && !/^\{\d+(,\d*)?\}/.test(rest)) || (character === '}' && !/\{\d+(,\d*)?$/.test(out));
      out += literalBrace ? `\\${character}` : character;
      i += 1;
    }
  }
  return out + ')'.repeat(opened[0] ?? 0);
}

/** One escape at the start of `rest`: its JavaScript spelling and its length here. */
function escape(rest: string): [string, number] {
  const unicodeClass = /^\\([pP])([A-Z])/.exec(rest);
  if (unicodeClass !== null) return [`\\${unicodeClass[1]}{${unicodeClass[2]}}`, 3];
  const hex = /^\\x\{([0-9A-Fa-f]+)\}/.exec(rest);
  if (hex !== null) return [`\\u{${hex[1]}}`, hex[0].length];
  const next = rest.charAt(1);
  if (next === 'A') return ['^', 2];
  if (next === 'z') return ['$', 2];
  if (next === 'a') return ['\\x07', 2];
  // RE2 lets any punctuation be escaped; the u flag only some.
  if (/[^A-Za-z0-9_\\^$.*+?()[\]{}|/-]/.test(next)) return [next, 2];
  return [`\\${next}`, 2];
}
