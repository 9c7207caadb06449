// XML as AWS writes and reads it: elements and text, no attributes that matter, no DTD. Used by S3 (rest-xml) and by the
// query services (EC2, STS, SQS's old protocol).

/** Arrays repeat their element; undefined leaves it out. */
export type XmlValue =
  | string
  | number
  | boolean
  | Date
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

export function xmlDocument(root: string, value: XmlValue, xmlns?: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${xmlns ? ` xmlns="${xmlns}"` : ''}>${inner(value)}</${root}>`;
}

function inner(value: XmlValue): string {
  if (value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'object' && !Array.isArray(value)) {
    return Object.entries(value)
      .map(([name, child]) => element(name, child))
      .join('');
  }
  return escapeXml(String(value as string | number | boolean));
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item) => element(name, item as XmlValue)).join('');
  return `<${name}>${inner(value)}</${name}>`;
}

export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is escaped
  return text.replace(
    /[<>&"'\u0000-\u001f\u007f]/g,
    (char) => ENTITIES[char] ?? `&#x${char.charCodeAt(0).toString(16)};`,
  );
}

const ENTITIES: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', "'": '&apos;' };

/** An element that was read: children in order, text without surrounding white space when there are children. */
export interface XmlElement {
  readonly name: string;
  readonly text: string;
  readonly children: readonly XmlElement[];
}

export class XmlSyntaxError extends Error {}

/** Reads one document; throws XmlSyntaxError. Namespaces and attributes are dropped; a DOCTYPE is refused (entity bombs). */
export function parseXml(text: string): XmlElement {
  interface Open {
    name: string;
    text: string;
    children: XmlElement[];
  }
  const top: Open = { name: '', text: '', children: [] };
  const stack: Open[] = [top];
  const token =
    /<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;
  let end = 0;
  for (let match = token.exec(text); match; match = token.exec(text)) {
    end = token.lastIndex;
    const [, cdata, slash, qualified, , selfClosing, plain] = match;
    const current = stack.at(-1) ?? top;
    if (cdata !== undefined) current.text += cdata;
    else if (plain !== undefined) current.text += unescapeXml(plain);
    else if (qualified !== undefined) {
      const name = qualified.slice(qualified.indexOf(':') + 1);
      if (slash) {
        if (stack.length < 2 || current.name !== name) throw new XmlSyntaxError(`unexpected </${name}>`);
        stack.pop();
      } else {
        const fresh: Open = { name, text: '', children: [] };
        current.children.push(fresh);
        if (!selfClosing) stack.push(fresh);
      }
    }
  }
  const root = top.children[0];
  if (end !== text.length || stack.length !== 1 || !root || top.children.length !== 1 || top.text.trim() !== '') {
    throw new XmlSyntaxError('not one well-formed element');
  }
  return root;
}

function unescapeXml(text: string): string {
  if (!text.includes('&')) return text;
  return text.replace(/&(#x[0-9a-fA-F]+|#\d+|\w+);|&/g, (whole, name: string | undefined) => {
    if (name === undefined) throw new XmlSyntaxError('stray &');
    if (name.startsWith('#')) {
      const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
      if (code > 0x10ffff) throw new XmlSyntaxError(`no such character ${whole}`);
      return String.fromCodePoint(code);
    }
    const char = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" }[name];
    if (char === undefined) throw new XmlSyntaxError(`unknown entity ${whole}`);
    return char;
  });
}

export function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((each) => each.name === name);
}

export function children(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((each) => each.name === name);
}

/** Text of a child element, trimmed; undefined when it is absent. */
export function childText(element: XmlElement, name: string): string | undefined {
  return child(element, name)?.text.trim();
}
