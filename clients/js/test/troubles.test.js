// What the client does when a server is busy, away, another one, or cuts the line.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError, Client } from "document-parser-client";
import { peer, problem, stream } from "./peer.js";

const ACCEPTED = { status: 202, json: { job_id: "j-1" } };
const STATUS = { job_id: "j-1", status: "processing", stage: "reading" };
const DONE = { ...STATUS, status: "completed", stage: "" };
const DOCUMENT = new Blob(["%PDF-"]);

async function collect(events) {
  const found = [];
  for await (const { type, id, polled } of events) found.push(polled ? `${type} polled` : id ? `${type} ${id}` : type);
  return found;
}

test("a busy server is asked again after the pause that it names, with the same Idempotency-Key", async (t) => {
  const refusals = [problem(429, "RATE_LIMITED", { retryAfter: 0 }), problem(503, "QUEUE_FULL", { retryAfter: new Date(Date.now() + 900).toUTCString() })];
  const server = await peer(t, () => refusals.shift() ?? ACCEPTED);
  const waits = [];
  const onWait = ({ error, seconds }) => waits.push([error.code, seconds]);
  const { job_id: job } = await new Client({ baseUrl: server.url }).submit(DOCUMENT, { output_format: "json" }, { onWait });
  assert.equal(job, "j-1");
  assert.deepEqual(waits.map(([code]) => code), ["RATE_LIMITED", "QUEUE_FULL"]);
  assert.ok(waits.every(([, seconds]) => seconds >= 0.5 && seconds <= 2), String(waits));
  const keys = server.asked.map(({ headers }) => headers["idempotency-key"]);
  assert.equal(keys.length, 3);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  assert.equal(new Set(keys).size, 1);
});

test("two calls have two keys, and a key of the caller's own is kept", async (t) => {
  const server = await peer(t, () => ACCEPTED);
  const client = new Client({ baseUrl: `${server.url}/` });
  for (const idempotencyKey of [undefined, undefined, "order-7"]) await client.submit(DOCUMENT, {}, { idempotencyKey });
  await client.submitLink("https://example.org/a.pdf", {}, { idempotencyKey: "order-8" });
  await client.submitBatch([DOCUMENT, DOCUMENT], {}, { idempotencyKey: "order-9" });
  const keys = server.asked.map(({ headers }) => headers["idempotency-key"]);
  assert.equal(new Set(keys).size, 5);
  assert.deepEqual(keys.slice(2), ["order-7", "order-8", "order-9"]);
});

test("a pause that nobody should wait for is the caller's to decide", async (t) => {
  const server = await peer(t, () => problem(429, "RATE_LIMITED", { retryAfter: 3600 }));
  await assert.rejects(new Client({ baseUrl: server.url }).status("j-1"), { code: "RATE_LIMITED", retryAfter: 3600, status: 429, requestId: "r-1" });
  assert.equal(server.asked.length, 1);
});

test("a quota that is used up, and files that never fit, are not waited for", async (t) => {
  const refusals = [problem(429, "QUOTA_EXCEEDED", { retryAfter: 1 }), problem(429, "RATE_LIMIT_EXCEEDED", { details: { wanted: 5, limit: 3 } })];
  const server = await peer(t, () => refusals.shift());
  const client = new Client({ baseUrl: server.url });
  await assert.rejects(client.submit(DOCUMENT), { code: "QUOTA_EXCEEDED" });
  await assert.rejects(client.submit(DOCUMENT), { code: "RATE_LIMIT_EXCEEDED" });
});

test("attempts are bounded", async (t) => {
  const server = await peer(t, () => problem(503, "SERVER_BUSY", { retryAfter: 0 }));
  await assert.rejects(new Client({ baseUrl: server.url, attempts: 2 }).status("j-1"), { code: "SERVER_BUSY" });
  assert.equal(server.asked.length, 2);
});

test("a lost answer is asked for again only where that does no harm", async (t) => {
  let lost = 0;
  const server = await peer(t, ({ path }, response) => {
    if (path === "/v1/system" || lost > 1) return ACCEPTED;
    lost += 1;
    response.destroy();
  });
  const client = new Client({ baseUrl: server.url });
  await assert.rejects(client.status("j-1"), { code: "SERVER_UNREACHABLE", status: 0 }, "it has never answered: the address may be wrong");
  await client.system();
  assert.equal((await client.submit(DOCUMENT)).job_id, "j-1");
  lost = 0;
  await assert.rejects(client.cancel("j-1"), { code: "SERVER_UNREACHABLE" });
  assert.deepEqual(server.asked.map(({ method }) => method), ["GET", "GET", "POST", "POST", "POST"]);
});

test("a body that breaks off is asked for again", async (t) => {
  let cut = false;
  const server = await peer(t, ({ path }, response) => {
    if (path === "/v1/system" || cut) return { json: { status: "completed" } };
    cut = true;
    response.writeHead(200, { "Content-Type": "application/json", "Content-Length": "500" });
    response.write('{"status":', () => response.destroy());
  });
  const client = new Client({ baseUrl: server.url });
  await client.system();
  assert.equal((await client.status("j-1")).status, "completed");
});

test("an answer that is not the service's says so", async (t) => {
  const server = await peer(t, ({ path }, response) => {
    response.writeHead(path.endsWith("/status") ? 200 : 418, { "Content-Type": "text/html" });
    response.end("<p>Welcome</p>");
  });
  const client = new Client({ baseUrl: server.url });
  await assert.rejects(client.status("j-1"), { code: "UNEXPECTED_ANSWER" });
  await assert.rejects(client.pages("j-1"), { code: "HTTP_418", status: 418 });
  assert.throws(() => new Client({ baseUrl: "127.0.0.1:1233" }), /http:\/\/host:port/);
});

test("a picture that is being drawn is waited for", async (t) => {
  const refusals = [problem(409, "PICTURE_PENDING", { retryAfter: 0, retryable: true })];
  const server = await peer(t, () => refusals.shift() ?? { headers: { "Content-Type": "image/jpeg" } });
  assert.equal((await new Client({ baseUrl: server.url }).pageImage("j-1", 1)).type, "image/jpeg");
});

test("the signal ends a request, a pause and a stream", async (t) => {
  const server = await peer(t, ({ path }, response) => {
    if (path.endsWith("/pages")) return problem(503, "SERVER_BUSY", { retryAfter: 30 });
    if (path.endsWith("/events")) stream(response, [["status", STATUS]]);
  });
  const client = new Client({ baseUrl: server.url });
  const stopper = new AbortController();
  const waiting = [client.status("j-1", stopper), client.pages("j-1", { ...stopper, signal: stopper.signal, onWait: () => stopper.abort() })];
  for (const call of waiting) await assert.rejects(call, { name: "AbortError" });
  await assert.rejects(client.wait("j-1", { signal: AbortSignal.timeout(100) }), { name: "TimeoutError" });
  const stopped = new AbortController();
  const mine = new Error("enough");
  await assert.rejects(client.wait("j-1", { signal: stopped.signal, onStatus: () => stopped.abort(mine) }), mine);
});

test("a stream that is cut goes on behind its last event", async (t) => {
  const server = await peer(t, ({ headers }, response) => {
    if (headers["last-event-id"] === undefined) {
      stream(response, [["status", STATUS], ["page.completed", { page: 1 }, "1-0"], ["page.completed", { page: 2 }, "2-0"]]);
      setTimeout(() => response.destroy(), 20);
      return;
    }
    stream(response, [["page.completed", { page: 3 }, "3-0"], ["status", DONE], ["job.completed", {}, "4-0"]]);
    response.end();
  });
  const troubles = [];
  const events = new Client({ baseUrl: server.url }).follow("j-1", { onTrouble: ({ code }) => troubles.push(code) });
  assert.deepEqual(await collect(events), ["status", "page.completed 1-0", "page.completed 2-0", "page.completed 3-0", "status 3-0", "job.completed 4-0"]);
  assert.deepEqual(server.asked.map(({ headers }) => headers["last-event-id"]), [undefined, "2-0"]);
  assert.deepEqual(troubles, ["SERVER_UNREACHABLE"]);
});

test("without a stream the status is asked for", async (t) => {
  const states = [STATUS, DONE];
  const server = await peer(t, ({ path }) => (path.endsWith("/events") ? { json: "no stream" } : { json: states.shift() }));
  const client = new Client({ baseUrl: server.url });
  assert.deepEqual(await collect(client.follow("j-1")), ["status polled", "status polled"]);
  assert.equal(server.asked.filter(({ path }) => path.endsWith("/events")).length, 1);
});

test("a job that is gone ends the waiting", async (t) => {
  const server = await peer(t, ({ path }, response) => {
    if (path === "/v1/jobs/j-2/status") return problem(410, "JOB_EXPIRED");
    if (!path.startsWith("/v1/jobs/j-2")) return problem(404, "JOB_NOT_FOUND");
    stream(response, [["status", STATUS], ["job.deleted", { job_id: "j-2" }, "5-0"]]);
    response.end();
  });
  const client = new Client({ baseUrl: server.url });
  await assert.rejects(client.wait("j-1"), (error) => error instanceof ApiError && error.code === "JOB_NOT_FOUND");
  await assert.rejects(client.wait("j-2"), { code: "JOB_EXPIRED" });
});

test("events are read as the standard says, however they are cut into pieces", async (t) => {
  const text = '\ufeff: hello\r\nevent: page.completed\rdata: {"page":\ndata:  7}\r\nid: 1-0\r\n\r\ndata\n\nid: a\0b\nevent:status\ndata:{"status":"completed"}\n\ndata: {"un';
  const server = await peer(t, (_, response) => {
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    const bytes = Buffer.from(text);
    let at = 0;
    const next = () => (at < bytes.length ? response.write(bytes.subarray(at, (at += 3)), () => setImmediate(next)) : response.end());
    next();
  });
  const found = [];
  for await (const event of new Client({ baseUrl: server.url }).follow("j-1", { onTrouble: () => {} })) {
    found.push(event);
    if (event.type === "status") break;
  }
  assert.deepEqual(found, [
    { type: "page.completed", data: { page: 7 }, id: "1-0", polled: false },
    { type: "status", data: { status: "completed" }, id: "1-0", polled: false },
  ]);
});
