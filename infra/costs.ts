// What an installation costs while nobody uses it, line by line: what the configuration makes, times AWS's list prices. Pure. docs/costs.md is made
// from it (npm run generate), and it is the figure that admins see as the installation's own.
import { instanceType, PRICES, storageCost, usdPerGbMonth, usdPerHour, type UsdPerHour } from '../cloud/prices.ts';
import type { Settings } from './configuration.ts';

interface NodePrice {
  readonly onDemand: UsdPerHour;
  readonly spot: UsdPerHour;
}

/** List prices of us-east-1 beside those of cloud/prices.ts; other regions are up to a fifth dearer. AWS's pricing pages of the service named. */
export const INFRASTRUCTURE_PRICES = {
  date: PRICES.date,
  /** Amazon EKS: a cluster in standard support. */
  eksCluster: usdPerHour(0.1),
  /** Amazon EC2, for nodes that are too small to train on; Spot as a share of it like that of t4g.medium. */
  nodes: { 't4g.small': { onDemand: usdPerHour(0.0168), spot: usdPerHour(0.006) } } as Record<string, NodePrice>,
  /** Amazon VPC: a NAT gateway, beside 0.045 USD for each GB through it. */
  natGateway: usdPerHour(0.045),
  /** Amazon CloudWatch: an alarm of standard resolution. */
  alarm: 0.1,
  /** Amazon CloudWatch: a dashboard beyond the account's first three. */
  dashboard: 3,
  /** Amazon ECR. */
  registry: usdPerGbMonth(0.1),
} as const;

export interface CostLine {
  readonly what: string;
  readonly why: string;
  readonly usdPerMonth: number;
}

const HOURS_PER_MONTH = 730;
const GB = 2 ** 30;
const NODE_VOLUME_GB = 20;
const ALARMS = 4;
/** Four images for two processors, compressed, a few versions. */
const IMAGES_GB = 2;

type Asked = Pick<Settings, 'cluster' | 'nodeTypes' | 'natGateway' | 'vpcId'>;

const perMonth = (price: UsdPerHour, count = 1): number => price * HOURS_PER_MONTH * count;

/** Standing costs only: instances, invocations, requests and storage come on top as they are used. */
export function standingCosts({ cluster, nodeTypes, natGateway, vpcId }: Asked): CostLine[] {
  const prices = INFRASTRUCTURE_PRICES;
  const lines: CostLine[] = [];
  const line = (what: string, usdPerMonth: number, why: string) => lines.push({ what, why, usdPerMonth });
  if (cluster === 'new') {
    const [type = ''] = nodeTypes;
    const price = prices.nodes[type] ?? instanceType(type);
    line('EKS control plane', perMonth(prices.eksCluster), '0.10 USD an hour');
    if (price) {
      line(`on-demand node (${type})`, perMonth(price.onDemand), `${price.onDemand} USD an hour; the operator`);
      line(`Spot node (${type})`, perMonth(price.spot), `about ${price.spot} USD an hour; the bot`);
    } else line(`two nodes (${type})`, 0, 'no price is known of this type');
    line(
      'volumes of the nodes',
      storageCost(PRICES.ebs.gp3, 2 * NODE_VOLUME_GB * GB),
      `2 × ${NODE_VOLUME_GB} GB of gp3`,
    );
    if (!natGateway) line('public addresses of the nodes', perMonth(PRICES.publicAddress, 2), '2 × 0.005 USD an hour');
  }
  if (cluster !== 'none') line('images in ECR', storageCost(prices.registry, IMAGES_GB * GB), `about ${IMAGES_GB} GB`);
  if (natGateway && vpcId === undefined) {
    line('NAT gateway', perMonth(prices.natGateway), '0.045 USD an hour, and as much for each GB');
    line('its public address', perMonth(PRICES.publicAddress), '0.005 USD an hour');
  }
  line('alarms', ALARMS * prices.alarm, `${ALARMS} × 0.10 USD`);
  line('dashboard', 0, `nothing among the account’s first three, else ${prices.dashboard} USD`);
  line(
    'VPC, S3 gateway endpoint, roles, launch template, rules, queue, function, AWS budget',
    0,
    'cost nothing while idle',
  );
  return lines;
}

export const totalOf = (lines: readonly CostLine[]): number =>
  lines.reduce((sum, { usdPerMonth }) => sum + usdPerMonth, 0);

/** Of a day. */
export const dailyCost = (asked: Asked): number => (totalOf(standingCosts(asked)) * 24) / HOURS_PER_MONTH;
