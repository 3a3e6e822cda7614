import { allow, deny, limits, NodeMediaServer, redirect } from 'node-media-server-ts';

const { RTMP_PORT = '1935', HTTP_PORT = '8000' } = process.env;
const server = new NodeMediaServer({ rtmp: { port: Number(RTMP_PORT) }, http: { port: Number(HTTP_PORT) } });

/** In a real site: a database, which may take its time. */
const accounts = new Map([['k-7041', { channel: 'alice', isPaid: true }]]);
const findAccount = async (key: string) => accounts.get(key);

server.admit(
  async ({ action, name, query }) => {
    if (action === 'play') return query['member'] === 'yes' ? allow() : deny('members only');
    const account = await findAccount(name);
    if (account === undefined) return deny('this key is not known');
    return account.isPaid ? redirect(`/live/${account.channel}`) : deny('the account is not paid for');
  },
  { timeoutMs: 3000, concurrency: 50, onTimeout: 'deny', onError: 'deny' },
);
server.admit(({ action }) => (action === 'publish' ? limits({ maxBitrate: 8_000_000 }) : allow()));

server.on('donePublish', ({ streamPath, endReason }) => console.log(`${streamPath} is over: ${endReason?.message}`));

await server.run();
for (const { name, address } of server.listeners) console.log(`${name} listens on ${address}`);
process.once('SIGINT', () => server.stop());
