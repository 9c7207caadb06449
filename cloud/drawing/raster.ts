// SVG to PNG by resvg's WebAssembly and DejaVu Sans, both loaded when the first picture is drawn: a program that draws none is spared
// their 4 MB. Local bundles and images carry the files beside the code (local/stack/bundling.ts, `filesBeside`).
import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import type * as Resvg from '@resvg/resvg-wasm';

const WASM = import.meta.resolve('@resvg/resvg-wasm/index_bg.wasm');
const REGULAR = import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf');
const BOLD = import.meta.resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf');

let engine: Promise<typeof Resvg> | undefined;

/** The same bytes for the same text. */
export async function pngOf(svg: string): Promise<Uint8Array> {
  engine ??= start();
  const resvg = await engine;
  const fontBuffers = await Promise.all([REGULAR, BOLD].map((url) => readFile(new URL(url))));
  const drawing = new resvg.Resvg(svg, { font: { fontBuffers, defaultFontFamily: 'DejaVu Sans' } });
  try {
    const image = drawing.render();
    try {
      return image.asPng();
    } finally {
      image.free();
    }
  } finally {
    drawing.free();
  }
}

/** V8 would optimise resvg while it draws, which takes 80 MB more and makes no picture sooner (measured: 40 MB instead of 120). */
const PLAIN_CODE = ['--no-wasm-dynamic-tiering', '--no-wasm-tier-up'];

async function start(): Promise<typeof Resvg> {
  for (const flag of PLAIN_CODE) setFlagsFromString(flag);
  const resvg = await import('@resvg/resvg-wasm');
  await resvg.initWasm(await readFile(new URL(WASM)));
  return resvg;
}
