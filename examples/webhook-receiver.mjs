import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { SECRET = 'change me', PORT = '9000' } = process.env;

function isGenuine({ 'x-nms-timestamp': timestamp, 'x-nms-signature': signature = '' }, body) {
  const expected = `v1=${createHmac('sha256', SECRET).update(`${timestamp}.${body}`).digest('hex')}`;
  const isFresh = Math.abs(Date.now() / 1000 - Number(timestamp)) < 300;
  return isFresh && signature.length === expected.length && timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
}

async function answer(request, response) {
  const body = Buffer.concat(await request.toArray()).toString();
  if (!isGenuine(request.headers, body)) return response.writeHead(401).end();
  const { id, event, session } = JSON.parse(body);
  console.log(event, session.streamPath, id);
  if (event === 'prePublish' && session.streamName === 'secret') return response.writeHead(403).end('{"reason":"not here"}');
  return response.end();
}

const server = createServer((request, response) => answer(request, response).catch(() => response.destroy()));
server.listen(Number(PORT), () => console.log(`listens on port ${server.address().port}`));
