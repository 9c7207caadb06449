// Draws what the program declares (`node test/infra/graph.ts` writes docs/installation.svg): a box for each component with its resources, an arrow to
// what it needs. graph.test.ts holds the picture to the program.
import { writeFileSync } from 'node:fs';
import { programOf, type Declared, type Recorded } from './mocks.ts';

interface Box {
  readonly name: string;
  /** `3 × subnet`. */
  readonly lines: readonly string[];
  readonly needs: ReadonlySet<string>;
}

const [WIDTH, LINE, PAD, GAP_X, GAP_Y, HEAD] = [236, 17, 10, 64, 22, 26];

/** `aws:s3/bucketObjectv2:BucketObjectv2` → `bucket object`. */
const noun = (type: string): string =>
  (type.startsWith('pulumi:providers:') ? 'Provider' : (type.split(':').at(-1) ?? ''))
    .replace(/v2$/i, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace('server side encryption configuration', 'encryption')
    .replace('custom resource definition', 'definition');

export function boxesOf({ resources }: Declared): Box[] {
  const byUrn = new Map(resources.map((one) => [one.urn, one]));
  const componentOf = (one: Recorded | undefined): string | undefined =>
    one === undefined || one.type.startsWith('spotlearn:') ? one?.name : componentOf(byUrn.get(one.parent ?? ''));
  return resources
    .filter(({ type }) => type.startsWith('spotlearn:'))
    .map(({ name }) => {
      const own = resources.filter((one) => !one.type.startsWith('spotlearn:') && componentOf(one) === name);
      const counts = new Map<string, number>();
      for (const { type } of own) counts.set(noun(type), (counts.get(noun(type)) ?? 0) + 1);
      const lines = [...counts]
        .sort(([a], [b]) => a.localeCompare(b))
        .map(([what, count]) => (count > 1 ? `${count} × ${what}` : what));
      const needed = own.flatMap(({ dependsOn }) => dependsOn.map((urn) => componentOf(byUrn.get(urn))));
      return { name, lines, needs: new Set(needed.filter((one) => one !== undefined && one !== name) as string[]) };
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** Columns: what needs nothing first. */
function columnsOf(boxes: readonly Box[]): Box[][] {
  const depth = new Map<string, number>();
  const of = (box: Box): number => {
    const known = depth.get(box.name);
    if (known !== undefined) return known;
    const needed = [...box.needs]
      .map((name) => boxes.find((one) => one.name === name))
      .filter((one) => one !== undefined);
    const found = needed.length === 0 ? 0 : Math.max(...needed.map(of)) + 1;
    depth.set(box.name, found);
    return found;
  };
  const columns: Box[][] = [];
  for (const box of boxes) (columns[of(box)] ??= []).push(box);
  return columns;
}

export function draw(boxes: readonly Box[]): string {
  const places = new Map<string, { x: number; y: number; height: number }>();
  let [width, height] = [0, 0];
  columnsOf(boxes).forEach((column, index) => {
    let y = GAP_Y;
    for (const { name, lines } of column) {
      const size = HEAD + PAD + lines.length * LINE;
      places.set(name, { x: GAP_Y + index * (WIDTH + GAP_X), y, height: size });
      y += size + GAP_Y;
    }
    width = GAP_Y * 2 + index * (WIDTH + GAP_X) + WIDTH;
    height = Math.max(height, y);
  });
  const at = (name: string) => places.get(name) ?? { x: 0, y: 0, height: 0 };
  const arrows = boxes.flatMap(({ name, needs }) =>
    [...needs].sort().map((needed) => {
      const [from, to] = [at(name), at(needed)];
      const [x1, y1, x2, y2] = [from.x, from.y + HEAD / 2, to.x + WIDTH, to.y + HEAD / 2];
      const middle = (x1 + x2) / 2;
      return `<path d="M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2 + 3} ${y2}" fill="none" stroke="#8a94a6" marker-end="url(#tip)"/>`;
    }),
  );
  const rectangles = boxes.map(({ name, lines }) => {
    const { x, y, height: size } = at(name);
    const text = lines.map((line, index) => `<text x="${x + PAD}" y="${y + HEAD + 16 + index * LINE}">${line}</text>`);
    return `<rect x="${x}" y="${y}" width="${WIDTH}" height="${size}" rx="6" fill="#fff" stroke="#2b4c7e"/><rect x="${x}" y="${y}" width="${WIDTH}" height="${HEAD}" rx="6" fill="#2b4c7e"/><text x="${x + PAD}" y="${y + 18}" fill="#fff" font-weight="bold">${name}</text>${text.join('')}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="#1d2733"><title>What pulumi up makes, and what needs what</title><defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8a94a6"/></marker></defs><rect width="100%" height="100%" fill="#f5f7fa"/>
${arrows.join('\n')}
${rectangles.join('\n')}
</svg>
`;
}

/** Of the default way to install. */
export const picture = async (): Promise<string> => draw(boxesOf(await programOf()));

if (import.meta.main) writeFileSync(new URL('../../docs/installation.svg', import.meta.url), await picture());
