import type { ServerResponse } from 'node:http';

export function writeJson(body: object): Buffer {
  return Buffer.from(JSON.stringify(body));
}

/** Answers with JSON. Without an ETag: what the API says is never kept, and to hash it costs more than to write it. */
export function sendJson(response: ServerResponse, status: number, bytes: Buffer): void {
  response.statusCode = status;
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}
