// What S3 deletes by itself, and when (row 2.5). Pure; storage.ts sets it on the bucket.
import type { input } from '@pulumi/aws/types/index.js';
import type { Settings } from './configuration.ts';

type Rule = input.s3.BucketLifecycleConfigurationRule;

/** Folders of single attempts: what is of use was copied out of them long before. */
const LEFTOVER_DAYS = 7;
/** All of a deleted account, for whoever wants it after all. */
const EXPORT_DAYS = 30;

export function lifecycleRules(
  days: Pick<Settings, 'datasetDays' | 'modelColdDays' | 'modelDays' | 'oldVersionDays'>,
): Rule[] {
  const rule = (id: string, prefix: string, more: Partial<Rule>): Rule => ({
    id,
    status: 'Enabled',
    filter: { prefix },
    ...more,
  });
  return [
    rule('datasets', 'datasets/', { expiration: { days: days.datasetDays } }),
    rule('models', 'models/', {
      // Instant Retrieval: the plan's GLACIER would make a model unreadable for predictions.
      transitions: [{ days: days.modelColdDays, storageClass: 'GLACIER_IR' }],
      expiration: { days: days.modelDays },
    }),
    rule('instances', 'instances/', { expiration: { days: LEFTOVER_DAYS } }),
    rule('batches', 'batches/', { expiration: { days: LEFTOVER_DAYS } }),
    rule('exports', 'exports/', { expiration: { days: EXPORT_DAYS } }),
    rule('uploads', '', { abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } }),
    rule('old-versions', '', {
      noncurrentVersionExpiration: { noncurrentDays: days.oldVersionDays },
      expiration: { expiredObjectDeleteMarker: true },
    }),
  ];
}

/** Of the access logs. */
export const accessLogRules = (retentionDays: number): Rule[] => [
  { id: 'access-logs', status: 'Enabled', filter: { prefix: '' }, expiration: { days: retentionDays } },
];
