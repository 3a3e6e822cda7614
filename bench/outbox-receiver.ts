import { openSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A receiver that takes half of its calls, for `bench/outbox.ts`: what it took is in the file before it says so. */
const [file = '', port = '0'] = process.argv.slice(2);
const log = openSync(file, 'a');
let count = 0;
const server = createServer((request, response) => {
  let text = '';
  request.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  request.on('end', () => {
    const { id, event, timestamp, session } = JSON.parse(text) as {
      readonly id: string;
      readonly event: string;
      readonly timestamp: number;
      readonly session: { readonly id: string; readonly streamPath: string };
    };
    const isTaken = count++ % 2 === 1;
    writeSync(
      log,
      `${JSON.stringify({ id, event, timestamp, session: session.id, stream: session.streamPath, isTaken })}\n`,
    );
    // Every tenth failure is one of the connection, the others of the program.
    if (!isTaken && count % 20 === 1) request.socket.destroy();
    else response.writeHead(isTaken ? 200 : 500).end();
  });
});
server.listen(Number(port), '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
