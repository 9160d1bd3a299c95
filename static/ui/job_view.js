// A job: opened by its id, followed while it runs, its pages and results shown, ended or deleted.

import { client } from "./api.js";
import { curlLines, linkCurlLines, resultLine } from "./curl.js";
import { byId, fill, setText, show } from "./dom.js";
import { download, FORMATS, wholeText } from "./downloads.js";
import { closesOnEscape } from "./escape.js";
import { showFailure } from "./failure.js";
import { Ledger } from "./ledger.js";
import { Feed } from "./live.js";
import { showInside } from "./inside.js";
import { files, forget, remembered } from "./memory.js";
import { menu } from "./menu.js";
import { announce, copy, notice, trouble } from "./notices.js";
import { Overview } from "./overview.js";
import { PageView } from "./page_view.js";
import { Reread } from "./reread.js";
import { ResultView } from "./result_view.js";
import { Tabs } from "./tabs.js";
import { ValuesView } from "./values_view.js";
import { clock, count, ENDED, isRereading, jobState } from "./words.js";

export class JobView {
  /**
   * `onSendAgain(file, options)` sends a file again, `onKeepFurniture(file, options)` to keep its page headers and footers;
   * `onStatus(status)` is called with each status of the job, `onChanged()` if the list of jobs is out of date.
   */
  constructor({ onSendAgain, onKeepFurniture, onStatus, onChanged }) {
    Object.assign(this, { onSendAgain, onStatus, onChanged });
    this.overview = new Overview((number) => this.openPage(number), (numbers) => this.#orderAll(numbers));
    this.ordered = new Set();
    this.pageView = new PageView(() => onKeepFurniture(...this.#sent()));
    this.reread = new Reread((number, choice) => this.#order(number, choice));
    this.results = new ResultView(byId("panel-result"), { page: () => this.pageView.view, openPage: (number) => this.#openFromTable(number) });
    this.values = new ValuesView();
    this.pageView.onShown = (view) => {
      this.results.pageChanged();
      this.reread.setPage(view, this.status?.status === "completed");
    };
    this.tabs = new Tabs(byId("tabs"), (name) => this.#show(name));
    this.#listen();
    menu(byId("open-downloads"), byId("downloads"), FORMATS.map(([format, name, extension]) => [name, extension, () => download(this.id, format).catch(trouble)]));
  }

  /** Opens a job, at a page if one is named. */
  async open(id, page) {
    if (id === this.id) return page && page !== this.number ? this.openPage(page) : undefined;
    this.close();
    Object.assign(this, { id, status: null, ledger: new Ledger(), number: page ?? null });
    this.#blank();
    await this.#load(id).catch((error) => id === this.id && this.#lost(error));
    return undefined;
  }

  /** Loads the current state of the job, then follows its events unless it has ended. */
  async #load(id) {
    const status = await client.status(id);
    if (id !== this.id) return;
    this.#setStatus(status);
    await this.#loadPages(id);
    if (id === this.id && moves(status)) this.#follow();
  }

  /** A hidden tab holds no event stream, because the server has few. */
  #seen(visible) {
    if (!this.status || !moves(this.status)) return;
    this.feed?.stop();
    if (visible) this.#load(this.id).catch(trouble);
  }

  close() {
    this.feed?.stop();
    this.pageView.close();
    this.ordered.clear();
    this.reread.setPage(null, false);
    this.results.setJob(null);
    this.values.setJob(null);
    this.id = null;
    this.status = null;
  }

  /** Shows a page, and says so in the address. */
  openPage(number) {
    if (!this.ledger?.get(number)) return;
    this.number = number;
    history.replaceState(null, "", `#/jobs/${this.id}/pages/${number}`);
    byId("page-number").value = String(number);
    byId("page-before").disabled = this.ledger.step(number, -1) === number;
    byId("page-after").disabled = this.ledger.step(number, 1) === number;
    this.overview.map.select(number);
    const neighbours = [...new Set([this.ledger.step(number, 1), this.ledger.step(number, -1)])].filter((other) => other !== number);
    this.pageView.open(this.id, number, neighbours);
  }

  step(by) {
    if (this.number !== null) this.openPage(this.ledger.step(this.number, by));
  }

  nextIssue() {
    const issues = this.ledger?.issues ?? [];
    const next = issues.find(({ number }) => number > this.number) ?? issues[0];
    if (next) this.openPage(next.number);
  }

  /** Opens the form for reading the page again. */
  readAgain() {
    const { button } = this.reread;
    if (!button.hidden && !button.disabled && this.tabs.chosen === "page") this.reread.open(true);
  }

  #listen() {
    const on = (id, act) => byId(id).addEventListener("click", act);
    on("page-before", () => this.step(-1));
    on("page-after", () => this.step(1));
    on("cancel-job", () => this.#cancel());
    on("copy-result", () => wholeText(this.id, "markdown").then((text) => copy(text, "Markdown")).catch(trouble));
    on("delete-job", () => this.#confirm(true));
    on("keep-job", () => this.#confirm(false));
    on("really-delete", () => this.#delete());
    on("copy-job-curl", () => copy(byId("job-curl").textContent, "Command"));
    document.addEventListener("visibilitychange", () => this.#seen(!document.hidden));
    byId("page-number").addEventListener("change", (event) => {
      this.openPage(Number(event.target.value));
      event.target.value = String(this.number);
    });
    closesOnEscape(() => !byId("confirm-delete").hidden, () => this.#confirm(false));
  }

  /** Removes everything of the previous job. */
  #blank() {
    setText(byId("job-title"), "…");
    fill(byId("job-facts"));
    for (const id of ["job-status", "job-failure", "views", "cancel-job", "copy-result", "download-menu", "confirm-delete", "delete-job", "inside"]) show(byId(id), false);
    this.overview.reset();
    this.tabs.choose("page");
    setText(byId("job-curl"), "");
  }

  async #loadPages(id) {
    const pages = await client.pages(id);
    if (id === this.id) this.#setPages(pages);
  }

  #setPages(pages) {
    this.ledger.load(pages, this.status.status === "cancelled");
    this.overview.update(this.status, this.ledger);
    const shown = pages.length > 0 && this.status.status !== "failed";
    show(byId("views"), shown);
    setText(byId("page-total"), `of ${pages.length.toLocaleString("en")}`);
    if (shown && !this.pageView.number) this.openPage(this.ledger.get(this.number) ? this.number : pages[0].number);
    else this.pageView.again(this.ledger.get(this.number)?.state);
  }

  #setStatus(status) {
    const before = this.status;
    this.status = status;
    const [says, tone] = jobState(status);
    const ended = ENDED.has(status.status);
    const readable = ended && status.status !== "failed";
    document.title = `${status.filename} · Document parser`;
    setText(byId("job-title"), status.filename);
    setText(byId("job-status"), says);
    byId("job-status").dataset.tone = tone;
    for (const [id, visible] of Object.entries({ "job-status": true, "delete-job": true, "cancel-job": !ended, "copy-result": readable, "download-menu": readable })) show(byId(id), visible);
    setText(byId("job-facts"), facts(status));
    this.results.setJob(readable ? this.id : null, status.filename.replace(/\.[^.]*$/, ""));
    this.values.setJob(status.status === "completed" ? this.id : null, status.filename.replace(/\.[^.]*$/, ""), status.extractions);
    show(byId("job-failure"), Boolean(status.error));
    if (status.error && !before?.error) this.#failed(status.error);
    this.overview.update(status, this.ledger);
    this.pageView.cancelled = status.status === "cancelled";
    if (before?.children !== status.children) showInside(this.id, status.children, () => this.id).catch(trouble);
    if (before?.status !== status.status) {
      this.#curl();
      // The page that is shown was opened while nothing could be read again yet.
      this.reread.setPage(this.pageView.view ?? null, status.status === "completed");
    }
    this.onStatus(status);
  }

  #follow(address) {
    const id = this.id;
    this.feed?.stop();
    this.feed = new Feed(id, {
      status: (status) => this.#setStatus(status),
      opened: () => !this.ledger.pages.length && this.#loadPages(id).catch(trouble),
      page: (number, news) => this.#pageNews(number, news),
      asked: (pages) => this.#setPages(pages),
      rereading: (number) => this.pageView.changed(number),
      retried: (facts) => this.#retried(id, facts),
      ended: () => this.#ended(id),
      deleted: () => this.#lost({ code: "JOB_NOT_FOUND", message: "This document was deleted." }),
      trouble: (error) => (error.status === 404 || error.status === 410 ? this.#lost(error) : setText(byId("progress-time"), error.message)),
    }, address);
    this.feed.start();
  }

  /** Has a page read again with the chosen options, and follows the events from now on. */
  async #order(number, choice) {
    const id = this.id;
    const { events_url: address } = await client.retryPage(id, number, choice);
    if (id !== this.id) return;
    if (!this.ordered.size) this.#follow(address);
    this.ordered.add(number);
    this.pageView.changed(number);
  }

  async #orderAll(numbers) {
    try {
      for (const number of numbers) await this.#order(number, {});
      if (numbers.length === 1) this.openPage(numbers[0]);
    } catch (error) {
      // If the form can supply what is missing: the password, or another engine.
      if (numbers.length === 1) this.openPage(numbers[0]);
      trouble(error);
    }
  }

  /** A page was read again: it, the counts and the result are new, unless the new reading failed. */
  async #retried(id, { page, outcome, error }) {
    if (this.ordered.delete(page)) {
      const [says, tone] = outcome === "replaced" ? [`Page ${page} was read again.`, ""] : [`Page ${page} could not be read again (${error}). It stays as it was.`, "bad"];
      notice(says, tone);
      announce(says);
    }
    this.pageView.changed(page);
    await this.#refresh(id).catch(trouble);
  }

  #pageNews(number, news) {
    if (!this.ledger.note(number, news)) return;
    // The status comes once a second at most, so the events of a page are newer.
    if (this.status.status === "queued") this.#setStatus({ ...this.status, status: "processing", stage: "reading" });
    this.overview.update(this.status, this.ledger);
    if (number === this.number) this.pageView.open(this.id, number);
  }

  /** The end: the ledger is loaded once more, because events say "cpu" where the ledger names the engine. */
  async #ended(id) {
    try {
      await this.#refresh(id);
      // What was asked for without a stream shows its outcome here.
      for (const number of this.ordered) this.pageView.changed(number);
      this.ordered.clear();
      if (id === this.id) announce(`${this.status.filename}: ${jobState(this.status)[0]}.`);
    } catch (error) {
      if (id === this.id) trouble(error);
    }
    this.onChanged();
  }

  async #refresh(id) {
    const [status, pages] = await Promise.all([client.status(id), client.pages(id)]);
    if (id !== this.id) return;
    this.#setStatus(status);
    this.#setPages(pages);
    if (this.tabs.chosen !== "page") this.#show(this.tabs.chosen);
  }

  #failed(error) {
    const [file, options] = this.#sent();
    showFailure(byId("job-failure"), error, { file, range: options.page_range, onSendAgain: (again, changed) => this.onSendAgain(again, { ...options, ...changed }) });
    byId("job-failure").querySelector("input:not([type=file])")?.focus();
  }

  /** The file of this job, if this visit sent it, and its options as far as this browser knows them. */
  #sent() {
    const sent = files.get(this.id);
    return [sent?.file, sent?.options ?? remembered().find(({ id }) => id === this.id)?.options ?? {}];
  }

  /** The job is not there (any more), or the server is not. */
  #lost(error) {
    this.feed?.stop();
    this.#blank();
    if (error.status === 404 || error.status === 410) forget(this.id);
    setText(byId("job-title"), "Document");
    showFailure(byId("job-failure"), error);
    show(byId("job-failure"));
    show(byId("job-terminal"), false);
    this.onChanged();
  }

  async #cancel() {
    byId("cancel-job").disabled = true;
    try {
      await client.cancel(this.id);
      notice("Cancelled. Finished pages are kept.");
    } catch (error) {
      trouble(error);
    }
    byId("cancel-job").disabled = false;
  }

  #confirm(asked) {
    show(byId("confirm-delete"), asked);
    byId(asked ? "keep-job" : "delete-job").focus();
  }

  async #delete() {
    const id = this.id;
    try {
      await client.delete(id);
    } catch (error) {
      if (error.status !== 404) return trouble(error);
    }
    forget(id);
    notice("The document and its results were deleted.");
    if (id === this.id) location.hash = "#/";
    return this.onChanged();
  }

  #show(name) {
    show(byId("panel-page"), name === "page");
    show(byId("panel-fields"), name === "fields");
    show(byId("panel-result"), name !== "page" && name !== "fields");
    if (name === "fields") this.values.show();
    else if (name !== "page" && this.id) this.results.show(name);
  }

  #openFromTable(number) {
    this.tabs.choose("page", { focus: true });
    this.openPage(number);
  }

  #curl() {
    if (this.status.source) {
      setText(byId("job-curl"), linkCurlLines(this.status.source.address, this.id));
      return show(byId("job-terminal"));
    }
    const sent = remembered().find(({ id }) => id === this.id);
    const lines = sent ? curlLines(sent.name, sent.options ?? {}, { jobId: this.status.status === "failed" ? null : this.id, password: sent.password }) : resultLine(this.id);
    setText(byId("job-curl"), lines);
    show(byId("job-terminal"), this.status.status !== "failed" || Boolean(sent));
  }
}

/** Whether there is more to come. */
function moves(status) {
  return !ENDED.has(status.status) || isRereading(status);
}

function facts(status) {
  const { progress } = status;
  const parts = [progress.total_pages ? count(progress.total_pages, "page") : null, `sent ${clock(status.created_at)}`];
  if (status.cache === "hit") parts.push("read before, and copied");
  if (status.revision > 1) parts.push(`revision ${status.revision}`);
  if (status.expires_at) parts.push(`kept until ${clock(status.expires_at)}`);
  return parts.filter(Boolean).join(" · ");
}
