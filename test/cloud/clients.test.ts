import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createClients } from '../../cloud/clients.ts';
import { presignGet, presignPut } from '../../cloud/presign.ts';

describe('AWS clients', () => {
  const saved = { ...process.env };
  beforeEach(() => {
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
    });
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in saved)) delete process.env[name];
    Object.assign(process.env, saved);
  });

  it('are made once, when first asked for', async () => {
    const clients = createClients('eu-central-1');
    for (const name of ['s3', 'presigning', 'ec2', 'lambda', 'logs', 'sqs'] as const)
      expect(await clients[name]()).to.equal(await clients[name]());
    clients.close();
  });

  it('go where AWS_ENDPOINT_URL points', async () => {
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      response.end('<ListBucketResult/>');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    process.env.AWS_ENDPOINT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const clients = createClients('eu-central-1');
    const { ListObjectsV2Command } = await import('@aws-sdk/client-s3');
    await (await clients.s3()).send(new ListObjectsV2Command({ Bucket: 'ours' }));
    clients.close();
    server.closeAllConnections();
    server.close();
    expect(paths[0]).to.match(/^\/ours\/?\?list-type=2/);
  });

  it('presign a GET for a browser and a PUT without a checksum', async () => {
    const clients = createClients('eu-central-1');
    const get = new URL(await presignGet(clients, 'ours', 'models/user_1/m/model.onnx', 60, 'my "model".onnx'));
    expect(get.pathname).to.equal('/ours/models/user_1/m/model.onnx');
    expect(get.searchParams.get('X-Amz-Expires')).to.equal('60');
    expect(get.searchParams.get('response-content-disposition')).to.equal('attachment; filename="my__model_.onnx"');
    const put = new URL(await presignPut(clients, 'ours', 'predictions/user_1/j/p.csv'));
    expect(put.searchParams.get('X-Amz-Expires')).to.equal('3600');
    expect([...put.searchParams.keys()].filter((name) => /checksum/i.test(name))).to.deep.equal([]);
    clients.close();
  });
});
