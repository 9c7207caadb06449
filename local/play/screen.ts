// What the person at the terminal sees of `npm start`: steps with their time and where to look, a bar while it trains, the summary.
// Everything goes to stdout; with --json only the summary does, as one line, and the rest goes to stderr.
import { showUsd } from '../../cloud/prices.ts';
import type { Stack } from '../stack/stack.ts';

/** A name and what it is. */
export type Row = readonly [name: string, text: string];

export interface Summary {
  readonly model: string;
  /** On held-out rows, by scikit-learn's names, with baseline_… of the trivial model. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly costUsd: { readonly estimated: number; readonly actual: number; readonly onDemand: number };
  /** Path of the downloaded predictions. */
  readonly predictions: string;
  readonly rows: number;
  /** Of the model, that came into the chat with the news of it. */
  readonly pictures: number;
  readonly seconds: number;
}

const BAR_WIDTH = 30;
const NAME_WIDTH = 22;

export class Screen {
  readonly #live: boolean;
  readonly #json: boolean;
  readonly #begun = Date.now();
  #barShown = false;
  #lastPercent = -1;

  /** `live`: a terminal, where one line can be drawn again and again. */
  constructor(live: boolean, json: boolean) {
    this.#live = live;
    this.#json = json;
  }

  heading(text: string): void {
    this.#line(`\n${text}`);
  }

  step(what: string, where: string): void {
    this.#line(`  ${this.#elapsed()}  ${what.padEnd(NAME_WIDTH)} ${where}`);
  }

  /** One bar, redrawn on a terminal; elsewhere a line at every tenth. */
  progress(percent: number, text: string): void {
    const filled = Math.round((BAR_WIDTH * percent) / 100);
    const bar = `  ${this.#elapsed()}  ${'training'.padEnd(NAME_WIDTH)} [${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}] ${String(percent).padStart(3)} %  ${text}`;
    if (this.#live) {
      this.#out().write(`\r\x1b[2K${bar}`);
      this.#barShown = true;
    } else if (Math.floor(percent / 10) !== Math.floor(this.#lastPercent / 10)) this.#line(bar);
    this.#lastPercent = percent;
  }

  summary(summary: Summary): void {
    const metrics = Object.entries(summary.metrics).filter(([key]) => !key.startsWith('baseline_'));
    const { estimated, actual, onDemand } = summary.costUsd;
    this.table('Summary', [
      ['model', summary.model],
      ...metrics.map(([name, value]): Row => {
        const baseline = summary.metrics[`baseline_${name}`];
        return [name, `${round(value)}${baseline === undefined ? '' : `   (trivial baseline ${round(baseline)})`}`];
      }),
      ['cost', `${showUsd(actual)} actual, ${showUsd(estimated)} estimated, ${showUsd(onDemand)} on demand`],
      ['predictions', `${summary.rows} rows in ${summary.predictions}`],
      ['took', `${summary.seconds.toFixed(1)} s`],
    ]);
  }

  table(heading: string, rows: readonly Row[]): void {
    this.heading(heading);
    for (const [name, text] of rows) this.#row(name, text);
  }

  /** Text as another program printed it. */
  text(text: string): void {
    this.#line(text.trimEnd());
  }

  /** What a program reads, with --json: one line of its own on stdout. */
  json(object: object): void {
    if (this.#json) process.stdout.write(`${JSON.stringify(object)}\n`);
  }

  /** What one can do now that everything stays up. */
  invitation(stack: Stack, state: string): void {
    this.heading('Everything stays up; Ctrl-C stops it');
    this.#row('chat', stack.addresses.page);
    this.#row('kubectl', `. ${state}/env && kubectl get tj,pj -A`);
    this.#row('metrics', `${stack.operatorUrl}/metrics`);
    this.#row('logs', `${state}/logs/`);
  }

  /** Of one person's installation. */
  staying(state: string): void {
    this.heading('Spotlearn works; Ctrl-C stops it, and the next start goes on where it stopped');
    this.#row('chat', 'write to your bot in Telegram');
    this.#row('kubectl', `KUBECONFIG=${state}/kubernetes/kubeconfig kubectl get tj,pj -A`);
    this.#row('logs', `${state}/logs/`);
    this.#row('cost', 'nothing runs in AWS but what jobs start; data and models in the bucket cost their storage');
  }

  #row(name: string, text: string): void {
    this.#line(`  ${name.padEnd(NAME_WIDTH)} ${text}`);
  }

  #line(text: string): void {
    if (this.#barShown) this.#out().write('\n');
    this.#barShown = false;
    this.#out().write(`${text}\n`);
  }

  #out(): NodeJS.WriteStream {
    return this.#json ? process.stderr : process.stdout;
  }

  #elapsed(): string {
    return `${((Date.now() - this.#begun) / 1000).toFixed(1).padStart(6)} s`;
  }
}

export const round = (value: number): string => (Math.abs(value) >= 100 ? value.toFixed(1) : value.toFixed(4));
