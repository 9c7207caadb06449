// Who may act as each role (a worker's: worker.ts). An AWS service only on behalf of this account and this resource, so that nobody else's
// service of that kind can be made to use our roles (the confused deputy).
import type { Facts, TrustDocument } from './document.ts';

const trust = (...Statement: TrustDocument['Statement']): TrustDocument => ({ Version: '2012-10-17', Statement });

/** A service of AWS that has no condition of its own (EKS for its control plane, EC2 for its instances). */
export const serviceTrust = (service: string): TrustDocument =>
  trust({ Sid: 'Service', Effect: 'Allow', Action: ['sts:AssumeRole'], Principal: { Service: [service] } });

/** The one function. */
export const handlerTrust = ({ region, accountId, functionName }: Facts): TrustDocument =>
  trust({
    Sid: 'Function',
    Effect: 'Allow',
    Action: ['sts:AssumeRole'],
    Principal: { Service: ['lambda.amazonaws.com'] },
    Condition: {
      StringEquals: { 'aws:SourceAccount': accountId },
      // Lambda does not promise to name the function when it tries the role before there is one.
      ArnLikeIfExists: {
        'aws:SourceArn': [functionName, `${functionName}:*`].map(
          (name) => `arn:aws:lambda:${region}:${accountId}:function:${name}`,
        ),
      },
    },
  });

export interface Pods {
  readonly clusterArn: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** Pods of one service account of one cluster, by EKS Pod Identity, which says in session tags whose they are. */
export const podIdentityTrust = (
  { accountId }: Facts,
  { clusterArn, namespace, serviceAccount }: Pods,
): TrustDocument =>
  trust({
    Sid: 'Pods',
    Effect: 'Allow',
    Action: ['sts:AssumeRole', 'sts:TagSession'],
    Principal: { Service: ['pods.eks.amazonaws.com'] },
    Condition: {
      StringEquals: {
        'aws:SourceAccount': accountId,
        'aws:RequestTag/eks-cluster-arn': clusterArn,
        'aws:RequestTag/kubernetes-namespace': namespace,
        'aws:RequestTag/kubernetes-service-account': serviceAccount,
      },
    },
  });

/** People and machines that run operator and bot by themselves (cluster: none). */
export function personTrust(arns: readonly string[]): TrustDocument {
  // IAM refuses a trust without anybody with a sentence that does not say so.
  if (arns.length === 0) throw new Error('Nobody would be able to act as the role: name at least one principal');
  return trust({ Sid: 'People', Effect: 'Allow', Action: ['sts:AssumeRole'], Principal: { AWS: [...arns] } });
}
