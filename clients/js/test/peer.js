// A small HTTP server that answers what a test tells it to, for a client that meets trouble.

import { once } from "node:events";
import { createServer } from "node:http";

/**
 * Starts a server for a test. `behave(asked, response)` returns {status, json, headers}, or handles the response itself and returns nothing.
 * Returns {url, asked}: what was asked so far, as {method, path, headers, body}.
 */
export async function peer(test, behave) {
  const asked = [];
  const server = createServer(async (request, response) => {
    const parts = [];
    try {
      for await (const part of request) parts.push(part);
    } catch {
      return; // the client has hung up
    }
    const one = { method: request.method, path: request.url, headers: request.headers, body: Buffer.concat(parts).toString() };
    asked.push(one);
    const answer = behave(one, response);
    if (!answer) return;
    response.writeHead(answer.status ?? 200, { "Content-Type": "application/json", ...answer.headers });
    response.end(JSON.stringify(answer.json ?? {}));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

/** An error as the service says it. */
export function problem(status, code, { retryAfter, details = {}, retryable = false } = {}) {
  const headers = retryAfter === undefined ? {} : { "Retry-After": String(retryAfter) };
  return { status, headers, json: { error: { code, message: `It is ${code}.`, details, retryable }, request_id: "r-1" } };
}

/** Writes Server-Sent Events; each is [type, data, id]. */
export function stream(response, events) {
  response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
  response.write("retry: 1\n\n");
  for (const [type, data, id] of events) response.write(`${id ? `id: ${id}\n` : ""}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}
