// What the types allow, and what they refuse. It is checked and never run.

import { ApiError, Client, verifyWebhook } from "document-parser-client";

const client = new Client({ baseUrl: "http://127.0.0.1:1233", token: () => "key", onWait: ({ error, seconds }) => console.warn(error.code, seconds) });

export async function sends(file: File, signal: AbortSignal): Promise<string> {
  const { job_id: job } = await client.submit(file, { output_format: "json", page_range: "1-3" }, { signal, onProgress: ({ sent, total }) => sent / total });
  // @ts-expect-error: there is no such format
  await client.submit(file, { output_format: "papyrus" });
  // @ts-expect-error: there is no such option
  await client.submit(file, { page_ranges: "1" });
  return job;
}

export async function reads(job: string): Promise<number[]> {
  const status = await client.wait(job, { onStatus: ({ progress }) => progress.percent.toFixed() });
  if (status.status === "failed") return [];
  // @ts-expect-error: there is no such state
  if (status.status === "done") return [];
  const { document } = await client.result(job, "json");
  // @ts-expect-error: a ZIP file is a download
  await client.result(job, "zip");
  for await (const { text, span } of client.streamChunks(job)) await client.cite(job, span).then(({ pages }) => [text.length, pages.length]);
  return document?.pages.map(({ number }) => number) ?? [];
}

export async function fails(file: Blob): Promise<string | null> {
  try {
    return (await client.parse(file)).filename;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "QUEUE_FULL") return String(error.retryAfter?.toFixed());
    return `${error.code} ${error.status} ${error.requestId}`;
  }
}

export async function receives(request: Request): Promise<string> {
  return (await verifyWebhook(await request.text(), request.headers, "whsec_")).type;
}
