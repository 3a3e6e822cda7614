import { NodeMediaServer } from 'node-media-server-ts';

const { RTMP_PORT = '1935', HTTP_PORT = '8000' } = process.env;
const server = new NodeMediaServer({ rtmp: { port: Number(RTMP_PORT) }, http: { port: Number(HTTP_PORT) } });

server.on('postPublish', (session) => console.log(`${session.streamPath} is live`));
server.on('donePublish', (session) => console.log(`${session.streamPath} is over`));

await server.run();
for (const { name, address } of server.listeners) console.log(`${name} listens on ${address}`);
process.once('SIGINT', () => server.stop());
