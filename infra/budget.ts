// The second, slow fence: AWS Budgets on everything that carries the installation's tag. It lags by hours and stops nothing; the operator's
// own meter is what holds (decision 3). Sees a tag only once it is activated for cost allocation (docs/deploy.md), a day after its first use.
import * as aws from '@pulumi/aws';
import * as pulumi from '@pulumi/pulumi';
import { TAG } from '../cloud/tags.ts';
import { NODE_TAG } from './naming.ts';

export interface BudgetArgs {
  /** Of the installation. */
  installation: string;
  monthlyUsd: number;
  /** Percent of it at which the addresses are told. */
  warnPercent: number;
  emails: readonly string[];
}

export class Budget extends pulumi.ComponentResource {
  constructor(name: string, args: BudgetArgs, options?: pulumi.ComponentResourceOptions) {
    super('spotlearn:budget:Budget', name, {}, options);
    const parent = { parent: this };
    const told = (threshold: number, notificationType: 'ACTUAL' | 'FORECASTED') => ({
      comparisonOperator: 'GREATER_THAN',
      threshold,
      thresholdType: 'PERCENTAGE',
      notificationType,
      subscriberEmailAddresses: [...args.emails],
    });
    new aws.budgets.Budget(
      name,
      {
        name: `${args.installation}-monthly`,
        budgetType: 'COST',
        timeUnit: 'MONTHLY',
        limitAmount: String(args.monthlyUsd),
        limitUnit: 'USD',
        costFilters: [
          {
            name: 'TagKeyValue',
            values: [TAG.installation, NODE_TAG].map((key) => `user:${key}$${args.installation}`),
          },
        ],
        notifications:
          args.emails.length === 0
            ? []
            : [told(args.warnPercent, 'ACTUAL'), told(100, 'ACTUAL'), told(100, 'FORECASTED')],
      },
      parent,
    );
    this.registerOutputs({});
  }
}
