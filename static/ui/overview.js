// The state of a job: a line of text, the bar, the map of pages, the legend, and the pages that a person should check.

import { byId, el, fill, setText, show } from "./dom.js";
import { Legend } from "./legend.js";
import { announce } from "./notices.js";
import { PageMap } from "./page_map.js";
import { bytes, count, duration, ENDED, PAGE_ERRORS, WARNINGS } from "./words.js";

const MOST_ISSUES = 200;
const SPOKEN_STEP = 25;

export class Overview {
  /** `readAgain(numbers)` has pages read again. */
  constructor(openPage, readAgain) {
    Object.assign(this, { openPage, readAgain });
    this.map = new PageMap(byId("page-map"), openPage);
    this.legend = new Legend(byId("legend"));
  }

  reset() {
    this.spoken = 0;
    this.listed = "";
    fill(byId("issue-rows"));
    show(byId("overview"), false);
    show(byId("issues"), false);
  }

  /** Draws once in the next frame, even if many events come before it. */
  update(status, ledger) {
    this.latest = [status, ledger];
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#draw(...this.latest);
    });
  }

  #draw(status, ledger) {
    const ended = ENDED.has(status.status);
    const total = ledger.pages.length;
    show(byId("overview"), total > 0 || !ended);
    const finished = ledger.finished;
    setText(byId("progress-text"), words(status, finished, total, ledger.counts.failed ?? 0));
    setText(byId("progress-time"), time(status));
    show(byId("progress"), !ended);
    if (total) byId("progress").value = (100 * finished) / total;
    else byId("progress").removeAttribute("value");
    show(byId("page-map"), total > 0);
    this.map.setPages(ledger.pages);
    this.legend.set(ledger.counts);
    this.#issues(ledger.issues, ledger.loads, status.status === "completed");
    if (!ended && total) this.#speak(Math.floor((100 * finished) / total), finished, total);
  }

  /** The list is rebuilt when there are more pages, or when the ledger has reasons that events leave out. */
  #issues(pages, loads, again) {
    const version = `${pages.length} ${loads} ${again}`;
    if (version === this.listed) return;
    this.listed = version;
    show(byId("issues"), pages.length > 0);
    setText(byId("issues-title"), `${count(pages.length, "page")} ${pages.length === 1 ? "needs" : "need"} a look`);
    this.#failed(again ? pages : []);
    const rest = pages.length - MOST_ISSUES;
    fill(byId("issue-rows"), pages.slice(0, MOST_ISSUES).map((page) => this.#issue(page, again)), rest > 0 && el("li", {}, `and ${rest} more`));
  }

  /** Retries all failed pages at once: if a server was away, there are many. */
  #failed(pages) {
    const numbers = pages.filter(({ state }) => state === "failed").map(({ number }) => number);
    show(byId("read-failed"), numbers.length > 1);
    setText(byId("read-failed"), `Read the ${numbers.length.toLocaleString("en")} failed pages again`);
    byId("read-failed").onclick = () => this.readAgain(numbers);
  }

  #issue(page, again) {
    const button = el("button", { type: "button", on: { click: () => this.openPage(page.number) } }, `Page ${page.number}`);
    const reasons = page.warnings.filter((code) => code !== "page_failed").map((code) => WARNINGS[code] ?? code);
    const why = el("span", {}, page.state === "failed" && el("code", {}, page.error ?? "FAILED"), page.state === "failed" ? ` ${PAGE_ERRORS[page.error] ?? ""} ` : "", reasons.join(" "));
    const offer = again && el("button", { class: "again", type: "button", "aria-label": `Read page ${page.number} again`, on: { click: () => this.readAgain([page.number]) } }, "Read again");
    return el("li", {}, button, why, offer);
  }

  /** A screen reader hears every quarter, not every page. */
  #speak(percent, finished, total) {
    if (percent < this.spoken + SPOKEN_STEP) return;
    this.spoken = percent - (percent % SPOKEN_STEP);
    announce(`${finished} of ${total} pages are read.`);
  }
}

function words(status, finished, total, failed) {
  switch (status.status) {
    case "queued": return "Waiting for a worker";
    case "completed": return failed ? `${total - failed} of ${count(total, "page")} read` : `${count(total, "page")} read`;
    case "cancelled": return `Cancelled after ${finished} of ${count(total, "page")}`;
    case "failed": return "Not read";
    default: if (status.stage === "fetching") return fetchingWords(status.source);
      return total ? (finished === total ? "Writing the result" : `${finished.toLocaleString("en")} of ${count(total, "page")}`) : "Opening the document";
  }
}

function fetchingWords({ received_bytes: received, total_bytes: total }) {
  if (!received) return "Fetching the document";
  return `Fetching the document: ${bytes(received)}${total ? ` of ${bytes(total)}` : ""}`;
}

function time({ status, started_at: started, completed_at: completed, progress }) {
  if (ENDED.has(status)) return started && completed ? `in ${duration((Date.parse(completed) - Date.parse(started)) / 1000)}` : "";
  return progress.eta_seconds === null || progress.eta_seconds === undefined ? "" : `about ${duration(Math.max(1, progress.eta_seconds))} left`;
}
