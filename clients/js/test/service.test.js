// The client against a real service, whose address, operator's token, webhook secret and documents the environment names.

import assert from "node:assert/strict";
import { openAsBlob } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import { test } from "node:test";
import { ApiError, Client, isAtRest, verifyWebhook } from "document-parser-client";

const { DOCUMENT_PARSER_URL: baseUrl, OPERATOR_TOKEN: token, WEBHOOK_SECRET: secret, SAMPLES, LARGE_DOCUMENT } = process.env;
const skip = baseUrl ? false : "DOCUMENT_PARSER_URL names no service";
const client = new Client({ baseUrl, token });

const paper = async () => new File([await openAsBlob(`${SAMPLES}/paper.pdf`)], "paper.pdf");

function assertMonotonic(progress, total) {
  const sent = progress.map(({ sent: bytes }) => bytes);
  assert.deepEqual(sent, [...new Set(sent)].sort((one, other) => one - other));
  assert.equal(sent.at(-1), total);
  assert.ok(progress.every((one) => one.total === total && one.sent >= 0));
}

test("a document is sent with progress, followed by its events, and its result fetched twice", { skip }, async () => {
  const document = await paper();
  const progress = [];
  const { job_id: job } = await client.submit(document, { page_range: "1", output_format: "markdown" }, { onProgress: (one) => progress.push(one) });
  assertMonotonic(progress, document.size);
  const types = [];
  for await (const { type } of client.follow(job)) types.push(type);
  assert.ok(types.includes("page.completed"));
  assert.equal(types.at(-1), "job.completed");
  const status = await client.wait(job);
  assert.ok(isAtRest(status));
  assert.equal(status.filename, "paper.pdf");
  const { markdown, complete } = await client.result(job, "markdown");
  assert.ok(complete);
  assert.equal((await client.result(job, "markdown")).markdown, markdown);
  const file = await client.download(job, "markdown");
  assert.equal(file.mediaType, "text/markdown");
  assert.equal(file.filename, "paper.md");
  let streamed = "";
  for await (const text of file.body.pipeThrough(new TextDecoderStream())) streamed += text;
  assert.equal(streamed, markdown);
  assert.deepEqual((await client.pages(job)).map(({ number, state }) => [number, state]), [[1, "done"]]);
  assert.equal((await client.page(job, 1)).page.number, 1);
  assert.equal((await client.pageImage(job, 1)).type, "image/jpeg");
});

test("chunks, their places, values and types of a document", { skip }, async () => {
  const { job_id: job } = await client.submit(await paper(), { page_range: "1-2" });
  await client.wait(job);
  const { chunks, chunking } = await client.chunks(job, { max_tokens: 128 });
  assert.equal(chunking.max_tokens, 128);
  const streamed = [];
  for await (const chunk of client.streamChunks(job, { max_tokens: 128 })) streamed.push(chunk.text);
  assert.deepEqual(streamed, chunks.map(({ text }) => text));
  const citation = await client.cite(job, chunks[0].span);
  assert.ok(citation.pages[0].boxes.length > 0);
  assert.equal((await client.citedPage(job, chunks[0].span)).type, "image/png");
  assert.ok((await client.schemas()).some(({ name }) => name === "invoice"));
  assert.equal((await client.validateSchema({ type: "object", properties: { total: { type: "number" } } })).valid, true);
  const values = await client.extract(job, { fields: ["title"] });
  assert.ok("title" in values.data);
  const id = values.url.split("/").at(-1);
  assert.deepEqual((await client.extraction(job, id)).data, values.data);
  assert.match(await (await client.downloadExtraction(job, id)).text(), /title/);
  assert.ok((await client.classify(job)).segments.length > 0);
});

test("the same key returns the same job, and another document under it is refused", { skip }, async () => {
  const call = { idempotencyKey: `key-${Date.now()}` };
  const one = await client.submit(await paper(), { page_range: "3" }, call);
  assert.equal((await client.submit(await paper(), { page_range: "3" }, call)).job_id, one.job_id);
  await assert.rejects(client.submit(await paper(), { page_range: "2" }, call), { code: "IDEMPOTENCY_KEY_REUSED", status: 409 });
  await client.wait(one.job_id);
  assert.ok((await client.delete(one.job_id)).deleted_files > 0);
  await assert.rejects(client.result(one.job_id), { code: "JOB_NOT_FOUND" });
});

test("errors have the service's code, details and message", { skip }, async () => {
  await assert.rejects(client.submit(await paper(), { output_format: "papyrus" }), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, "INVALID_OPTION");
    assert.equal(error.details.fields[0].field, "output_format");
    assert.match(error.requestId, /./);
    return true;
  });
  await assert.rejects(client.parse(new Blob(["%PDF-1.7 cut off"]), {}, { filename: "damaged.pdf" }), { code: "DAMAGED_DOCUMENT" });
});

test("several documents are one batch with one archive", { skip }, async () => {
  const files = [await paper(), { content: new Blob([new Uint8Array([0, 1, 0, 1])]), filename: "odd.bin" }];
  const progress = [];
  const { batch_id: id, jobs } = await client.submitBatch(files, { page_range: "1" }, { onProgress: (one) => progress.push(one) });
  assertMonotonic(progress, files[0].size + 4);
  assert.equal(jobs[1].error.code, "UNSUPPORTED_FORMAT");
  const batch = await client.waitBatch(id);
  assert.deepEqual([batch.status, batch.files], ["partial", 2]);
  const archive = await client.downloadBatch(id, "markdown");
  assert.equal(archive.mediaType, "application/zip");
  assert.ok((await archive.blob()).size > 100);
  await client.deleteBatch(id);
  await assert.rejects(client.batch(id), { code: "BATCH_NOT_FOUND" });
});

test("a large document goes in pieces, in this program or in the next", { skip }, async () => {
  const document = await openAsBlob(LARGE_DOCUMENT);
  const stopper = new AbortController();
  let id;
  const options = { filename: "survey.pdf", keep: true, signal: stopper.signal, onBegun: (begun) => (id = begun), onProgress: ({ sent }) => sent > 9_000_000 && stopper.abort() };
  await assert.rejects(client.upload(document, options), { name: "AbortError" });
  const { offset } = await client.uploadState(id);
  assert.ok(offset >= 8 * 2 ** 20 && offset < document.size, String(offset));
  const progress = [];
  const again = await openAsBlob(LARGE_DOCUMENT);
  assert.equal(await client.upload(again, { uploadId: id, onProgress: (one) => progress.push(one) }), id);
  assert.ok(progress[0].sent >= offset, "what had come is not sent again");
  assertMonotonic(progress, document.size);
  const { job_id: job } = await client.submitUpload(id, { page_range: "1" });
  assert.equal((await client.wait(job)).filename, "survey.pdf");
  await assert.rejects(client.upload(new Blob(["another"]), { uploadId: id }), TypeError);
  await client.deleteUpload(id);
  await assert.rejects(client.uploadState(id), { code: "UPLOAD_GONE" });
});

test("a webhook of the service is verified", { skip }, async (t) => {
  let arrived;
  const came = new Promise((resolve) => (arrived = resolve));
  const receiver = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    response.end();
    arrived([body, request.headers]);
  });
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
  t.after(() => receiver.close());
  const pinged = await client.askJson("/v1/webhooks/ping", { method: "POST", json: { url: `http://127.0.0.1:${receiver.address().port}/` } });
  assert.equal(pinged.delivered, true);
  const [body, headers] = await came;
  assert.equal((await verifyWebhook(body, headers, secret)).type, "webhook.ping");
});

test("a service that is ready says so", { skip }, async () => {
  assert.match((await client.ready()).status, /^(ok|degraded)$/);
  assert.equal((await client.system()).accepting, true);
});
