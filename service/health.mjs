// Ends with 0 when the server of this container answers that it is alive; HEALTH_URL names another address.
const port = process.env.NMS_HTTP_PORT || '8000';
const url = process.env.HEALTH_URL || `http://127.0.0.1:${port}/health`;

try {
  const response = await fetch(url, { signal: AbortSignal.timeout(4000) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
} catch (error) {
  console.error(String(error.cause ?? error));
  process.exitCode = 1;
}
