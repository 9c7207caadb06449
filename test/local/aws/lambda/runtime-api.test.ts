// The Runtime API keeps a runtime's connection however long a handler computes before it answers.
import { expect } from 'chai';
import { RuntimeApi } from '../../../../local/aws/lambda/runtime-api.ts';

describe('The Runtime API of Lambda', () => {
  it('announces no end of an idle connection, on which the answer of a long invocation is still to come', async () => {
    const answers: string[] = [];
    const api = new RuntimeApi({
      ready: () => {},
      initError: () => {},
      response: (requestId, body) => void answers.push(`${requestId} ${body.toString()}`),
      error: () => {},
    });
    try {
      const base = `http://${await api.listen()}/2018-06-01/runtime/invocation`;
      api.send({ requestId: 'r1', payload: Buffer.from('{}'), deadlineMs: 1, functionArn: 'a', traceId: 't' });
      const next = await fetch(`${base}/next`);
      expect(next.headers.get('lambda-runtime-aws-request-id')).to.equal('r1');
      expect(next.headers.get('keep-alive')).to.equal(null);
      await next.text();
      const taken = await fetch(`${base}/r1/response`, { method: 'POST', body: '7' });
      expect([taken.status, answers]).to.deep.equal([202, ['r1 7']]);
    } finally {
      api.close();
    }
  });
});
