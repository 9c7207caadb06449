// Outages: the same six jobs, two of them really interrupted, while a service fails, a clock jumps or the API server is in a mood.
// Nothing may be concluded from silence: no attempt ends without evidence, no job is lost.
import { KubernetesError } from '../../../operator/runtime/kubernetes.ts';
import { figuresOf, type Expected, violations } from '../simulation/invariants.ts';
import { Simulation, type Operated, type SimulationOptions } from '../simulation/simulation.ts';
import { table } from '../simulation/table.ts';
import { moodyServer, throttled, unreachable, type Service } from '../simulation/weather.ts';
import { course } from './scenarios.ts';

export interface Outage {
  readonly name: string;
  /** Begins what goes wrong; called before the first job is made. */
  readonly begin: (sim: Simulation) => void;
  readonly operated?: Operated;
  readonly configuration?: SimulationOptions['configuration'];
  readonly jobs?: Readonly<Record<string, object>>;
  readonly expected?: Expected;
  readonly limitSeconds?: number;
}

export interface Survived {
  readonly failedCalls: number;
  readonly interruptions: number;
  readonly attempts: number;
  readonly seconds: number;
  readonly violations: readonly string[];
}

const MINUTE = 60;
const HOUR_MS = 3_600_000;
/** When what goes wrong begins: before the launch, while machines boot, in the middle, when results come. */
const MOMENTS: Readonly<Record<string, number>> = { launching: 0, booting: 12, running: 100, finishing: 320 };

/** From `at` on, for `lasts` virtual seconds. */
function during(sim: Simulation, at: number, lasts: number, begin: () => () => void): void {
  sim.when(
    () => sim.seconds >= at,
    () => {
      const end = begin();
      const until = sim.seconds + lasts;
      sim.when(() => sim.seconds >= until, end);
    },
  );
}

/** Nobody knows when a machine ended that could not be seen: it may be billed until it was. */
const BLIND: Expected = { billOffSeconds: 10 * MINUTE + 90 };
interface Away {
  operated?: Operated;
  /** Only these calls. */
  calls?: readonly string[];
  expected?: Expected;
}

const away = (name: string, service: Service, error: () => Error, { operated, calls, expected }: Away = {}): Outage[] =>
  Object.entries(MOMENTS).map(([moment, at]) => ({
    name: `${name} for 10 minutes, while ${moment}`,
    begin: (sim) => during(sim, at, 10 * MINUTE, () => sim.weather.away(service, error, calls)),
    expected: { ...BLIND, ...expected },
    ...(operated ? { operated } : {}),
  }));

/** The operator's wall clock is wrong by so much from a moment on. */
function jumping(name: string, byMs: number): Outage[] {
  return Object.entries(MOMENTS).map(([moment, at]) => {
    let skew = 0;
    return {
      name: `the clock jumps ${name}, while ${moment}`,
      operated: { skewMs: () => skew },
      begin: (sim) => {
        skew = 0;
        sim.when(
          () => sim.seconds >= at + 0.5,
          () => void (skew = byMs),
        );
      },
      // Seconds are counted by that clock.
      expected: { billOffSeconds: Math.abs(byMs) / 1000 + 90 },
    };
  });
}

const REPLICA: Operated = { leaderElection: true, restarts: true };
const DESCRIBES = 10_000;

export const OUTAGES: readonly Outage[] = [
  {
    name: `${DESCRIBES.toLocaleString('en')} failing describes in a row`,
    // Looked at each second, so that so many looks are three hours and not fourteen.
    configuration: { observeSeconds: 1, heartbeatSeconds: 30 },
    jobs: { short: course(), long: course(400, 30) },
    begin: (sim) =>
      sim.when(
        () => sim.seconds >= 60,
        () => {
          const end = sim.weather.away('ec2', unreachable, ['instances']);
          sim.when(() => sim.weather.failed >= DESCRIBES, end);
        },
      ),
    expected: { billOffSeconds: Infinity },
    limitSeconds: 30 * 86_400,
  },
  ...away('EC2 throttles every call', 'ec2', throttled),
  ...away('S3 does not answer the operator', 's3', unreachable),
  // No ticket can be put while nobody knows whether there is a checkpoint to go on from.
  ...away('S3 lists objects and gives none', 's3', unreachable, { calls: ['get'], expected: { ticketless: true } }),
  {
    name: 'S3 answers nobody for 10 minutes, while running',
    begin: (sim) =>
      during(sim, 100, 10 * MINUTE, () => {
        sim.fleet.storeAway = true;
        const end = sim.weather.away('s3', unreachable);
        return () => {
          sim.fleet.storeAway = false;
          end();
        };
      }),
    expected: BLIND,
  },
  { name: 'SQS never answers', begin: (sim) => void sim.weather.away('sqs', unreachable) },
  ...away('the API server is away', 'kubernetes', () => new KubernetesError('Unreachable', 'away'), {
    operated: REPLICA,
  }),
  ...jumping('an hour forward', HOUR_MS),
  ...jumping('ten minutes back', -10 * MINUTE * 1000),
  {
    name: 'the API server closes every watch each second, and answers 409, 410 and 500 (30 %)',
    operated: REPLICA,
    begin: (sim) => {
      sim.weather.rule(moodyServer(sim.random, 0.3));
      sim.api.watchLagMs = () => sim.random.between(5, 1500);
      sim.each(() => {
        sim.api.closeWatches();
        if (sim.random.chance(0.1)) sim.api.forget();
      });
    },
  },
  {
    name: 'one call in ten to anything fails, before or after it took effect',
    begin: (sim) =>
      void sim.weather.rule(({ service }) => {
        if (!sim.random.chance(0.1)) return undefined;
        const error = service === 'kubernetes' ? new KubernetesError('Unreachable', 'no answer') : unreachable();
        return sim.random.chance(0.5) ? { after: error } : { before: error };
      }),
  },
];

const SIX = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`job-${at}`, course(50, 6)]));

export async function survive(outage: Outage, seed = 3): Promise<Survived> {
  const sim = new Simulation({ seed, configuration: outage.configuration });
  try {
    await sim.account();
    await sim.operate(outage.operated);
    outage.begin(sim);
    for (const [name, spec] of Object.entries(outage.jobs ?? SIX)) await sim.train(name, spec);
    interruptions(sim);
    const limit = outage.limitSeconds ?? 6 * 3600;
    const stuck = await sim
      .until(() => sim.allEnded, limit, 'the end of every job')
      .then(
        () => [],
        (error: unknown) => [(error as Error).message],
      );
    await sim.pass(240);
    const { interruptions: injuries, attempts } = figuresOf(sim);
    return {
      failedCalls: sim.weather.failed,
      interruptions: injuries,
      attempts,
      seconds: sim.seconds,
      violations: [...stuck, ...violations(sim, outage.expected)],
    };
  } finally {
    await sim.close();
  }
}

/** Two real ones, so that recovery has to work in the middle of it: one announced, one not. */
function interruptions(sim: Simulation): void {
  for (const { step, leadMs } of [
    { step: 15, leadMs: 120_000 },
    { step: 30, leadMs: 0 },
  ])
    sim.when(
      () => working(sim, step) !== undefined,
      () => sim.fleet.interrupt(working(sim, step) ?? '', leadMs),
    );
}

const working = (sim: Simulation, step: number): string | undefined =>
  sim.fleet.deeds.find(
    (deed) => deed.step >= step && deed.exitCode === undefined && !sim.fleet.injured.has(deed.machine),
  )?.machine;

export const outageTable = (survived: ReadonlyMap<string, Survived>): string =>
  table(
    ['what is wrong', '', 'failed calls', 'interruptions', 'attempts', 'virtual s'],
    [...survived].map(([name, { violations: found, failedCalls, interruptions: injuries, attempts, seconds }]) => [
      name,
      found.length === 0 ? '✓' : '✗',
      ...[failedCalls, injuries, attempts, Math.round(seconds)].map((figure) => figure.toLocaleString('en')),
    ]),
  );
