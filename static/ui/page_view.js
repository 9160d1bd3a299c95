// One page: its image beside its blocks, each highlighting the other, and the reasons for its reading.

import { locationWords } from "./words.js";
import { client } from "./api.js";
import { renderBlocks } from "./blocks.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { closesOnEscape } from "./escape.js";
import { endState } from "./ledger.js";
import { copy } from "./notices.js";
import { Pictures } from "./pictures.js";
import { DEFAULT_RATIO, Sheet } from "./sheet.js";
import { pageBadges, pageNotes, whyTrail } from "./why.js";

const MOST_KEPT = 40;
const MODELS = new Set(["deepseek", "nanonets", "vlm"]);
const READ = new Set(["done", "blank", "failed", "unread"]);

export class PageView {
  /** `onKeepFurniture()` has the document read again with its page headers and footers. */
  constructor(onKeepFurniture) {
    this.onKeepFurniture = onKeepFurniture;
    this.pictures = new Pictures();
    this.kept = new Map();
    this.paper = byId("paper");
    this.sheet = new Sheet(byId("sheet"), { onLight: (index) => this.light(index), onChoose: (index) => this.#reveal(index) });
    this.paper.addEventListener("mouseover", (event) => this.light(indexOf(event.target), true));
    this.paper.addEventListener("mouseleave", () => this.light(indexOf(document.activeElement)));
    this.paper.addEventListener("focusin", (event) => this.light(indexOf(event.target), true));
    this.paper.addEventListener("focusout", () => this.light(null));
    this.paper.addEventListener("keydown", (event) => this.#key(event));
    this.paper.addEventListener("click", (event) => this.sheet.reveal(indexOf(event.target)));
    byId("copy-page").addEventListener("click", () => copy(plainText(this.view?.page), `Page ${this.number}`));
    byId("zoom").addEventListener("click", () => this.zoom());
    closesOnEscape(() => this.sheet.zoomed && byId("sheet").offsetParent !== null, () => this.#unzoom());
    byId("toggle-picture").addEventListener("click", (event) => this.#togglePicture(event.currentTarget));
  }

  close() {
    this.stop?.abort();
    this.kept.clear();
    this.pictures.clear();
    this.view = null;
    this.shown = null;
    this.number = null;
  }

  /** Shows a page of a job; once it is shown, `neighbours` are fetched ahead. */
  async open(jobId, number, neighbours = []) {
    const fresh = jobId !== this.jobId || number !== this.number;
    Object.assign(this, { jobId, number });
    this.stop?.abort();
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.lost = false;
    if (fresh && !this.kept.has(number)) this.#waiting("");
    try {
      const view = await this.#fetch(number, signal);
      if (signal.aborted) return;
      this.#render(view);
      await this.#picture(view, signal);
      for (const next of neighbours) await this.#ahead(next, signal);
    } catch (error) {
      if (!signal.aborted) this.#waiting(error.message);
      if (!signal.aborted) this.lost = true;
    }
  }

  /** Fetches the page again if the server did not answer before, or if the page has been read since. */
  again(state) {
    const unread = READ.has(state) && !(this.shown?.number === this.number && READ.has(this.shown.state));
    if (this.lost || unread) this.open(this.jobId, this.number);
  }

  /** A page has changed: it is fetched again when it is shown next, or at once if it is shown now. */
  changed(number) {
    this.kept.delete(number);
    if (number === this.number) this.open(this.jobId, number);
  }

  async #fetch(number, signal) {
    const kept = this.kept.get(number);
    if (kept) return kept;
    const told = await client.page(this.jobId, number, { signal });
    const view = this.cancelled ? { ...told, state: endState(told.state) } : told;
    if (READ.has(view.state) && !view.rereading) this.kept.set(number, view);
    if (this.kept.size > MOST_KEPT) this.kept.delete(this.kept.keys().next().value);
    return view;
  }

  /** Fetches the pages that are likely shown next. If that fails, they are fetched when they are shown. */
  async #ahead(number, signal) {
    try {
      const view = await this.#fetch(number, signal);
      if (READ.has(view.state) && !view.page?.location) await this.pictures.get(view.image_url, signal);
    } catch (error) {
      if (error.name === "AbortError") throw error;
    }
  }

  #render(view) {
    this.view = view;
    this.shown = { number: this.number, state: view.state };
    const blocks = view.page?.blocks ?? [];
    this.elements = [];
    fill(byId("page-badges"), pageBadges(view));
    fill(byId("page-notes"), pageNotes(view, this.onKeepFurniture));
    fill(this.paper);
    if (blocks.length) {
      this.elements = renderBlocks(this.paper, blocks, { marked: MODELS.has(view.page.engine) });
      this.elements[0].tabIndex = 0;
    } else fill(this.paper, READ.has(view.state) ? nothing(view) : bones());
    this.paper.setAttribute("aria-busy", String(!READ.has(view.state)));
    show(byId("copy-page"), blocks.length > 0);
    const why = whyTrail(view);
    fill(byId("why-body"), why);
    show(byId("why"), why.length > 0);
    this.#openWhy(view.state === "failed");
    this.onShown?.(view);
  }

  /** The attempts of a failed page are open at first, and close again with the next page. */
  #openWhy(failed) {
    if (failed || this.openedWhy) byId("why").open = failed;
    this.openedWhy = failed;
  }

  async #picture(view, signal) {
    const { width, height, location } = view.page ?? {};
    if (location) {
      this.sheet.missing(locationWords(location));
      return;
    }
    this.sheet.wait(width && height ? width / height : DEFAULT_RATIO);
    // Before a page is read its rotation is unknown: its image may be another one afterwards.
    if (!READ.has(view.state)) this.pictures.drop(view.image_url);
    try {
      this.sheet.show(await this.pictures.get(view.image_url, signal), `Picture of page ${view.number}`, view.page?.blocks ?? [], view.page?.unread ?? []);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      this.sheet.missing(error.message);
      this.lost = !error.status;
    }
  }

  /** Shows an empty page while nothing is known of it. */
  #waiting(message) {
    this.view = null;
    fill(byId("page-badges"));
    fill(byId("page-notes"));
    fill(this.paper, message ? el("p", { class: "nothing" }, message) : bones());
    show(byId("copy-page"), false);
    show(byId("why"), false);
    this.sheet.wait(DEFAULT_RATIO);
  }

  /** Highlights a block and its box; null highlights nothing. With `follow` a zoomed image scrolls to the box. */
  light(index, follow = false) {
    if (index === this.lit) return;
    if (this.lit !== null) this.elements?.[this.lit]?.classList.remove("lit");
    this.lit = index;
    if (index !== null) this.elements?.[index]?.classList.add("lit");
    this.sheet.light(index, follow);
  }

  #reveal(index) {
    const block = this.elements?.[index];
    if (!block) return;
    this.#focus(block);
    block.scrollIntoView({ block: "center", behavior: "smooth" });
  }

  #focus(block) {
    for (const element of this.elements) element.tabIndex = -1;
    block.tabIndex = 0;
    block.focus({ preventScroll: true });
  }

  #key(event) {
    const index = indexOf(event.target);
    const last = (this.elements?.length ?? 0) - 1;
    const goal = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: last }[event.key];
    if (index === null || goal === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const block = this.elements[Math.min(last, Math.max(0, goal))];
    this.#focus(block);
    block.scrollIntoView({ block: "nearest" });
  }

  /** The image at twice its size and back. */
  zoom() {
    byId("zoom").setAttribute("aria-pressed", String(this.sheet.zoom()));
  }

  #unzoom() {
    this.zoom();
    const { activeElement } = document;
    if (byId("sheet").contains(activeElement) || activeElement === document.body) byId("zoom").focus({ preventScroll: true });
  }

  #togglePicture(button) {
    const shown = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    byId("pair").classList.toggle("no-picture", !shown);
  }
}

function indexOf(node) {
  const block = node?.closest?.("#paper [data-block]");
  return block ? Number(block.dataset.block) : null;
}

function nothing(view) {
  if (view.state === "unread") return el("p", { class: "nothing" }, el("b", {}, "Not read"), "The job was cancelled before this page was read.");
  const blank = view.state === "blank" && !view.warnings.some(({ code }) => code === "low_coverage");
  const [title, text] = blank ? ["A blank page", "No ink and no text was found on it."] : ["Nothing was read here", "The attempts are listed below."];
  const made = el("p", { class: "nothing" }, el("b", {}, title));
  made.append(text);
  return made;
}

function bones() {
  return el("div", { class: "bones", "aria-hidden": "true" }, Array.from({ length: 11 }, () => el("i")));
}

/** A page's text as it is pasted elsewhere: tables with tabs between cells. */
export function plainText(page) {
  return (page?.blocks ?? []).map((block) => (block.table ? tabbed(block.table) : block.text)).filter(Boolean).join("\n\n");
}

function tabbed({ rows, columns, cells }) {
  const lines = Array.from({ length: Math.min(rows, 10_000) }, () => Array(Math.min(columns, 1000)).fill(""));
  for (const cell of cells) if (lines[cell.row]) lines[cell.row][cell.column] = cell.text.replace(/\s+/g, " ");
  return lines.map((line) => line.join("\t")).join("\n");
}
