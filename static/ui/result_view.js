// The whole document in one of its formats: as source, or its tables or chunks one by one.

import { showChunks } from "./chunks.js";
import { el, fill } from "./dom.js";
import { beginning, download, FORMATS, wholeText } from "./downloads.js";
import { highlightJson } from "./highlight.js";
import { copy, trouble } from "./notices.js";
import { showTables } from "./tables.js";
import { bytes, count } from "./words.js";

const MOST_CHARACTERS = 200_000;
const MOST_PRETTY = 2_000_000;
const NAMES = Object.fromEntries(FORMATS);

export class ResultView {
  /** `page()` returns the shown page as the server sent it, `openPage(number)` opens another. */
  constructor(panel, { page, openPage }) {
    Object.assign(this, { panel, page, openPage, scope: "page" });
  }

  /** A job that has a result, or null. */
  setJob(jobId, stem) {
    if (jobId === this.jobId) return;
    this.stop?.abort();
    Object.assign(this, { jobId, stem });
  }

  async show(name) {
    this.stop?.abort();
    this.stop = new AbortController();
    this.name = name;
    this.panel.setAttribute("aria-labelledby", `tab-${name}`);
    if (name === "json" && (this.scope === "page" || !this.jobId)) return this.#pageJson();
    if (!this.jobId) return fill(this.panel, empty("Not written yet", "Formats are written when all pages are read. The first tab shows each page as soon as it is read."));
    return this.#load(name, this.stop.signal);
  }

  /** The shown page has changed. */
  pageChanged() {
    if (this.name === "json" && this.scope === "page") this.#pageJson();
  }

  async #load(name, signal) {
    fill(this.panel, el("p", { class: "hint" }, "Fetching…"));
    try {
      if (name === "tables") return await showTables(this.panel, this.jobId, this.stem, this.openPage, signal);
      if (name === "chunks") return await showChunks(this.panel, this.jobId, this.openPage, signal);
      const found = await beginning(this.jobId, name, name === "json" ? MOST_PRETTY : MOST_CHARACTERS, signal);
      if (!signal.aborted) this.#source(name, found);
    } catch (error) {
      if (error.name !== "AbortError") fill(this.panel, empty("Not shown", error.message));
    }
    return undefined;
  }

  #source(name, { text, whole, stripped }) {
    const pretty = name === "json" && whole ? JSON.stringify(JSON.parse(text), null, 2) : text;
    const shown = pretty.slice(0, MOST_CHARACTERS);
    if (!shown.trim()) return fill(this.panel, empty("Empty", "The document has nothing for this format."));
    const size = bytes(new Blob([text]).size);
    const says = shown.length < pretty.length || !whole ? `The first ${bytes(MOST_CHARACTERS)}. Download or copy it to get the rest.` : `${NAMES[name]} of the whole document, ${size}`;
    const left = stripped && name !== "json" ? `; ${count(stripped, "line")} of page headers and footers left out` : "";
    const copyAll = async () => copy(whole ? text : await wholeText(this.jobId, name), NAMES[name]);
    const body = pre(shown, name === "json", `${NAMES[name]} source`);
    fill(this.panel, this.#bar(says + left, copyAll, () => download(this.jobId, name)), body);
    if (name === "json") highlightJson(body.firstChild);
    return undefined;
  }

  #pageJson() {
    const view = this.page();
    const text = JSON.stringify(view?.page ?? view ?? {}, null, 2);
    const body = pre(text.slice(0, MOST_CHARACTERS), true, "JSON of this page");
    fill(this.panel, this.#bar(view ? `Page ${view.number}, ${bytes(text.length)}` : "", () => copy(text, "JSON of the page"), null), body);
    highlightJson(body.firstChild);
  }

  #bar(says, onCopy, onDownload) {
    const button = (name, act) => el("button", { class: "button small", type: "button", on: { click: () => Promise.resolve(act()).catch(trouble) } }, name);
    return el("div", { class: "source-bar" }, this.name === "json" && this.jobId && this.#switch(), el("span", { class: "hint" }, says), button("Copy", onCopy), onDownload && button("Download", onDownload));
  }

  #switch() {
    const choice = (scope, name) =>
      el("button", { type: "button", "aria-pressed": String(this.scope === scope), on: { click: () => this.#rescope(scope) } }, name);
    return el("div", { class: "switch", role: "group", "aria-label": "How much" }, choice("page", "This page"), choice("document", "Whole document"));
  }

  async #rescope(scope) {
    this.scope = scope;
    await this.show("json");
    this.panel.querySelector('.switch [aria-pressed="true"]')?.focus();
  }
}

export function empty(title, text) {
  const made = el("div", { class: "empty" }, el("b", {}, title));
  made.append(text);
  return made;
}

function pre(text, nowrap, label) {
  return el("pre", { class: nowrap ? "source nowrap" : "source", tabindex: "0", role: "region", "aria-label": label }, text);
}
