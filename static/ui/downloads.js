// Results as files and as text.

import { jobPath } from "../client/index.js";
import { client } from "./api.js";
import { el } from "./dom.js";

export const FORMATS = [
  ["markdown", "Markdown", ".md"],
  ["json", "JSON", ".json"],
  ["html", "HTML", ".html"],
  ["csv", "Tables as CSV", ".csv"],
  ["tables", "Tables as JSON", ".tables.json"],
  ["text", "Plain text", ".txt"],
  ["chunks", "Chunks for search", ".chunks.jsonl"],
  ["pdf", "Searchable PDF", ".searchable.pdf"],
  ["zip", "Everything", ".zip"],
];

export function resultPath(jobId, format) {
  return jobPath(jobId, `/download?format=${format}`);
}

/** Saves a result. A HEAD request comes first, so that a problem can be shown; then the browser streams the file to disk. */
export async function download(jobId, format) {
  const path = resultPath(jobId, format);
  await client.ask(path, { method: "HEAD", patient: true }).catch(() => client.download(jobId, format).then(({ body }) => body.cancel()));
  const link = el("a", { href: path, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Saves text that is already here. */
export function saveText(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export async function wholeText(jobId, format, signal) {
  return (await client.download(jobId, format, { signal })).text();
}

/** The first characters of a result, whether that is all of it, and how many lines it leaves out. The rest is never fetched. */
export async function beginning(jobId, format, most, signal) {
  const { body, strippedLines: stripped } = await client.download(jobId, format, { signal });
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return { text, whole: true, stripped };
    text += value;
    if (text.length > most) {
      await reader.cancel();
      return { text: text.slice(0, most), whole: false, stripped };
    }
  }
}
