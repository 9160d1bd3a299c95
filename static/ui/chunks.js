// Every chunk of a document: its headings, its text, and the way to its place on the page.

import { jobPath } from "../client/index.js";
import { client } from "./api.js";
import { el, fill } from "./dom.js";
import { download } from "./downloads.js";
import { showMore } from "./more.js";
import { copy, trouble } from "./notices.js";
import { count } from "./words.js";

export async function showChunks(panel, jobId, openPage, signal) {
  const { chunks, chunking } = await client.chunks(jobId, { signal });
  if (signal.aborted) return;
  if (!chunks.length) {
    fill(panel, el("div", { class: "empty" }, el("b", {}, "No chunks"), "The document has no text."));
    return;
  }
  const says = `${count(chunks.length, "chunk")} of at most ${count(chunking.max_tokens, "token")} in the whole document`;
  const save = el("button", { class: "button small", type: "button", on: { click: () => download(jobId, "chunks").catch(trouble) } }, "Download");
  fill(panel, el("div", { class: "source-bar" }, el("span", { class: "hint" }, says), save));
  showMore(panel, chunks.map((chunk, place) => ({ ...chunk, number: place + 1 })), (chunk) => card(chunk, jobId, openPage));
}

function card(chunk, jobId, openPage) {
  const pages = chunk.pages.length > 1 ? `pages ${chunk.pages[0]} to ${chunk.pages.at(-1)}` : `page ${chunk.pages[0]}`;
  const label = `Chunk ${chunk.number}`;
  const button = (name, act) => el("button", { class: "button small", type: "button", "aria-label": `${name}: ${label}`, on: { click: act } }, name);
  const { start, end } = chunk.span;
  const place = jobPath(jobId, `/cite?start=${start}&end=${end}&format=png`);
  const head = el(
    "header",
    {},
    el("h2", {}, chunk.headings.at(-1) || label, el("span", {}, ` · ${pages} · ${count(chunk.tokens, "token")}`)),
    button("Open page", () => openPage(chunk.pages[0])),
    chunk.boxes.length ? el("a", { class: "button small", href: place, target: "_blank", rel: "noopener", "aria-label": `Show the place: ${label}` }, "Show the place") : null,
    button("Copy", () => copy(chunk.text, label)),
  );
  const text = el("pre", { class: "source", tabindex: "0", role: "region", "aria-label": `Text of chunk ${chunk.number}` }, chunk.text.trim());
  const notes = chunk.warnings.filter(({ message }) => message).map(({ message }) => el("p", { class: "hint" }, message));
  return el("section", { class: "table-card", "aria-label": label }, head, text, ...notes);
}
