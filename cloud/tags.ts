// Tags on everything that costs money: who owns it and which job it serves. Policies, launches, adoption and collection use the
// same names. Keys begin with `spotlearn:`; values are ids, never users' text.
export const TAG = {
  /** Name of the installation; what lacks it is not ours. */
  installation: 'spotlearn:installation',
  /** User id. */
  user: 'spotlearn:user',
  /** `<namespace>/<name>` of the job. */
  job: 'spotlearn:job',
  jobUid: 'spotlearn:job-uid',
  /** Id of the fleet call that launched it (decision 3). */
  batch: 'spotlearn:batch',
  /** Model type. */
  model: 'spotlearn:model',
} as const;
