// Every reason a condition or an Event of ours can carry: what it means and what to do. docs/reasons.md is made from this table, and
// the types below make an undocumented reason a type error.

export interface Meaning {
  /** What is so, in one sentence. */
  readonly means: string;
  /** What a person should do; empty: nothing. */
  readonly todo: string;
}

const means = (text: string, todo = ''): Meaning => ({ means: text, todo });

export const TRAINING_REASONS = {
  Pending: means('The job was seen and is not judged yet.'),
  Admitted: means('Spec and data are fit and the worst case is reserved in the month of the account.'),
  UnknownNamespace: means('The job lies in a namespace that is no account’s.', 'Create it in ml-user-<id>.'),
  AccountMissing: means(
    'The account of this namespace does not exist (yet).',
    'Create the Account user-<id>, or wait for it.',
  ),
  AccountSuspended: means('The account is suspended.', 'Ask the administrator.'),
  AccountNotApproved: means(
    'No administrator has let this account in (yet), or one has refused it.',
    'Ask the administrator.',
  ),
  LedgerUnavailable: means(
    'The ledger cannot be read or written now, so nothing new that costs money is begun; what runs goes on.',
    'Wait; if it lasts, look whether the operator reaches its bucket.',
  ),
  PlacementUnavailable: means(
    'This installation has no worker image for its cluster.',
    'Choose another spec.placement, or ask the administrator about SPOTLEARN_WORKER_CONTAINER_IMAGE.',
  ),
  CloudDisabled: means(
    'The installation launches nothing on AWS.',
    'Ask the administrator about SPOTLEARN_CLOUD_ENABLED.',
  ),
  InvalidSpec: means(
    'The spec, or a setting of the model, cannot be used; the message says which.',
    'Create the job again with what the message asks for.',
  ),
  InvalidData: means(
    'The table cannot be used; the message says what is wrong.',
    'Mend the file, upload it again and create another job.',
  ),
  AccessRefused: means(
    'The address is not in this installation’s bucket or not under the user’s own prefix.',
    'Upload the file to the own prefix.',
  ),
  DatasetMissing: means(
    'There is no object at the address of the data set.',
    'Upload it, or correct spec.dataset.uri.',
  ),
  DatasetChanged: means('The object is not the one that was accepted (ETag).', 'Create another job for the new data.'),
  ModelExists: means(
    'There is a model with this id, or a job that was created before makes it; the message names it.',
    'Choose another spec.model.id.',
  ),
  QuotaExceeded: means(
    'The month of the account has no room for this job even alone.',
    'Lower spec.budget.maxCostUsd, wait for the next month, or have the limit raised.',
  ),
  BudgetReserved: means(
    'Running jobs hold back what this job needs; it starts when there is room.',
    'Wait, or lower budgets.',
  ),
  NoCapacity: means(
    'EC2 has no capacity in any fitting pool (asked again after three minutes), or each costs more than the cap now; the message says which.',
    'Wait, allow more instance types, raise spec.resources.maxPricePerHour, or use SpotWithFallback.',
  ),
  Launching: means('An instance (or a pod on the cluster) is being asked for.'),
  FallingBack: means(
    'On-demand is asked for in place of Spot; status.attempts[].marketReason says why and extraPerHour what it costs more.',
  ),
  SpotAgain: means('The job is ahead of spec.deadline and moves back from on-demand to Spot.'),
  Stayed: means('A replacement was not possible or not needed; the job stays on its instance.'),
  InstanceLaunched: means('EC2 launched an instance for the attempt.'),
  Booting: means('The instance boots; the worker has not reported yet.'),
  WorkerReports: means('The worker reports.'),
  Recovering: means('An attempt ended early and another is being launched.'),
  Interrupted: means('EC2 took the instance back; a replacement continues from the newest checkpoint.'),
  SpotInterruption: means('EC2 gave notice that it takes the instance back; the worker checkpoints.'),
  RebalanceRecommended: means(
    'EC2 says that the instance is at higher risk of being taken back; the worker checkpointed and stays.',
    'Set spec.onRebalance to Migrate to move the job in such a case.',
  ),
  Rebalancing: means('EC2 says that the instance is at higher risk; the job moves to another pool (spec.onRebalance).'),
  InstanceImpaired: means('EC2’s status checks say that the instance is in trouble; the job moves to another.'),
  Recovered: means('A new instance took over after an interruption.'),
  InstanceLost: means(
    'The instance was ended by somebody or something else than its job; a replacement continues from the newest checkpoint.',
    'If nobody ended it by hand, tell the administrator.',
  ),
  HeartbeatLost: means(
    'The worker was silent for ten minutes; its instance was replaced.',
    'If it happens again, look at the log stream.',
  ),
  PlatformError: means(
    'The platform failed (boot time-out, exit code 20 …); tried again after a pause.',
    'If it happens again, tell the administrator.',
  ),
  PlatformErrors: means(
    'The platform failed too often for this job.',
    'Tell the administrator; the message and the log stream say what happened.',
  ),
  AttemptFailed: means(
    'An attempt failed by an error of the spec or the data; tried again within backoffLimit.',
    'Read the message; delete the job if trying again can’t help.',
  ),
  OutOfMemory: means(
    'The worker ran out of memory: also with twice as much each time while backoffLimit lasts, or at once where spec.resources says how much it is.',
    'Ask for more with spec.resources.memoryGiB, or take fewer columns or a smaller model.',
  ),
  TooManyInterruptions: means(
    'More instances were lost than maxInterruptions allows.',
    'Use SpotWithFallback or OnDemand, or raise maxInterruptions.',
  ),
  DeadlineExceeded: means(
    'activeDeadlineSeconds passed before the job was done, or spec.deadline while it waited to be accepted.',
    'Allow more time.',
  ),
  Suspending: means('The worker was told to checkpoint and stop, because of spec.suspend or a suspended account.'),
  SuspendedByUser: means(
    'Nothing runs because of spec.suspend or a suspended account; the checkpoint is kept.',
    'Set spec.suspend to false to continue.',
  ),
  Resumed: means('The job continues after a suspension.'),
  BudgetReached: means(
    'Going on would pass the budget; the worker checkpointed and stopped.',
    'Raise spec.budget.maxCostUsd (within the account’s limit) to continue.',
  ),
  MonthExhausted: means(
    'Going on would pass the month’s limit of the account; the worker checkpointed and stopped.',
    'It continues with the next month (UTC) or after a top-up by an administrator.',
  ),
  BudgetRaised: means('The budget, or the month, has room again.'),
  Released: means('The instance was given back.'),
  CheckpointOverdue: means('The newest checkpoint is old: an interruption now would lose that much work.'),
  CheckpointWritten: means('The newest checkpoint is recent.'),
  Finishing: means('The training is done; results are copied and checked.'),
  Finished: means('The job is over.'),
  TrainingSucceeded: means('The model is in the user’s prefix, checked file by file.'),
} as const satisfies Record<string, Meaning>;

export const PREDICTION_REASONS = {
  Pending: means('The job was seen and is not judged yet.'),
  Admitted: means('Model and data are fit and the worst case is reserved.'),
  UnknownNamespace: means('The job lies in a namespace that is no account’s.', 'Create it in ml-user-<id>.'),
  AccountMissing: means(
    'The account of this namespace does not exist (yet).',
    'Create the Account user-<id>, or wait for it.',
  ),
  AccountSuspended: means('The account is suspended.', 'Ask the administrator.'),
  AccountNotApproved: means(
    'No administrator has let this account in (yet), or one has refused it.',
    'Ask the administrator.',
  ),
  LedgerUnavailable: means(
    'The ledger cannot be read or written now, so nothing new that costs money is begun; what runs goes on.',
    'Wait; if it lasts, look whether the operator reaches its bucket.',
  ),
  PlacementUnavailable: means(
    'This installation has no prediction image for its cluster.',
    'Use placement Lambda, or ask the administrator about SPOTLEARN_PREDICTION_CONTAINER_IMAGE.',
  ),
  CloudDisabled: means(
    'The installation calls nothing on AWS.',
    'Ask the administrator about SPOTLEARN_CLOUD_ENABLED.',
  ),
  WaitingForModel: means('The TrainingJob that modelRef names is not done.', 'Wait.'),
  ModelMissing: means(
    'modelRef names neither a TrainingJob of the namespace nor a model of the user.',
    'Correct spec.modelRef.',
  ),
  ModelFailed: means(
    'The TrainingJob that modelRef names failed, so there is no model.',
    'Train again and create another job.',
  ),
  ModelRefused: means('The manifest of the model cannot be used, e.g. another version.', 'Train the model again.'),
  MissingColumns: means('The table lacks columns that the model needs; the message names them.', 'Add the columns.'),
  InvalidData: means(
    'The table cannot be used; the message says what is wrong.',
    'Mend the file and create another job.',
  ),
  AccessRefused: means(
    'The address is not in this installation’s bucket or not under the user’s own prefix.',
    'Upload the file to the own prefix.',
  ),
  DatasetMissing: means('There is no object at the address of the data.', 'Upload it, or correct spec.data.uri.'),
  DatasetChanged: means('The object changed while it was worked on (ETag).', 'Create another job for the new data.'),
  QuotaExceeded: means(
    'The month of the account has no room for this job even alone.',
    'Wait for the next month, or have the limit raised.',
  ),
  BudgetReserved: means('Running jobs hold back what this job needs.', 'Wait.'),
  BudgetTooSmall: means(
    'The job’s estimate, or what one invocation may cost, is above its budget or the account’s limit for one prediction.',
    'Raise spec.budget.maxCostUsd within the limit, or split the data.',
  ),
  MonthExhausted: means(
    'The month’s limit of the account has no room for another invocation; those under way end.',
    'It continues with the next month (UTC) or after a top-up by an administrator.',
  ),
  BudgetExhausted: means(
    'Another invocation could have passed the budget; the message says how far the job came and what it cost.',
    'Create the job again with a higher spec.budget.maxCostUsd.',
  ),
  Invoking: means('The table is being predicted, chunk by chunk.'),
  Retrying: means('A chunk was throttled, lost or failed; it is tried again after a pause.'),
  Merging: means('All chunks are done; their parts are checked and made one object.'),
  ResultInconsistent: means(
    'Ranges, rows, sizes or checksums of the chunks do not add up, so there is no result that could be trusted.',
    'Create the job again; if it happens twice, tell the administrator.',
  ),
  FunctionFailed: means(
    'The function failed again and again.',
    'Tell the administrator; the request ids are in the status.',
  ),
  FunctionTimedOut: means(
    'The function ran out of time even with the smallest chunk.',
    'Tell the administrator about SPOTLEARN_FUNCTION_TIMEOUT_SECONDS.',
  ),
  ResultTooLarge: means('The result is larger than one upload to S3 takes.', 'Split the table into several files.'),
  FunctionOutOfMemory: means(
    'The function ran out of memory even with the smallest chunk.',
    'Tell the administrator about SPOTLEARN_FUNCTION_MEMORY_MIB.',
  ),
  InvalidSpec: means('The spec cannot be used; the message says why.', 'Create the job again.'),
  Finished: means('The job is over.'),
  PredictionSucceeded: means('The result is at status.outputUri.'),
} as const satisfies Record<string, Meaning>;

export const ACCOUNT_REASONS = {
  NamespaceReady: means('Namespace, quota and role of the account exist.'),
  MonthNearlySpent: means(
    'The month’s spending passed the warning threshold.',
    'Spend less, or have the limit raised.',
  ),
  MonthHasRoom: means('The month’s spending is below the warning threshold.'),
  AccountSuspended: means(
    'The account is suspended: its jobs are stopped and none is admitted.',
    'Set spec.suspend to false.',
  ),
  AccountActive: means('The account is not suspended.'),
  ApprovalPending: means(
    'No administrator has let this user in yet, so there is no namespace.',
    'Let the user in in chat, or set spec.approval to Approved.',
  ),
  ApprovalRefused: means(
    'An administrator refused this user.',
    'Set spec.approval to Approved to let the user in all the same.',
  ),
  Deleting: means('The account is being deleted: jobs are ended, everything is exported, then removed.'),
  LedgerAnswers: means('The ledger is read and written.'),
  LedgerUnavailable: means(
    'The ledger cannot be read or written now: what jobs cost is kept in their statuses and delivered later; nothing new that costs money is begun.',
    'Look whether the operator reaches its bucket.',
  ),
} as const satisfies Record<string, Meaning>;

/** Reasons of Events that no condition has. */
export const EVENT_REASONS = {
  OrphanTerminated: means('An instance that no live job owned was ended.'),
  LedgerDamaged: means(
    'A sealed entry of the ledger or the audit trail was changed or is gone; the message names the object.',
    'Look at the bucket’s older versions of it, and at who may write there: npm run ledger -- verify.',
  ),
  AccountExported: means('All of a deleted account was copied to the address in the message, for thirty days.'),
  AccountRemoved: means('Everything of a deleted account was removed; its ledger and audit trail stay.'),
} as const satisfies Record<string, Meaning>;

export type TrainingReason = keyof typeof TRAINING_REASONS;
export type PredictionReason = keyof typeof PREDICTION_REASONS;
export type AccountReason = keyof typeof ACCOUNT_REASONS;
export type EventReason = keyof typeof EVENT_REASONS;
