// A batch: files that were sent together, as one card with the progress of each, and one download of all results.

import { client } from "./api.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { failureInShort } from "./failure.js";
import { forget } from "./memory.js";
import { announce, notice, trouble } from "./notices.js";
import { batchState, clock, count, fileState } from "./words.js";

const STEP = 200;
const MOST_ROWS = 1000;
const REFRESH_MILLISECONDS = 1000;

export class BatchView {
  /** `onChanged()` is called if the list of documents is out of date. */
  constructor(onChanged) {
    this.onChanged = onChanged;
    const on = (id, act) => byId(id).addEventListener("click", act);
    on("cancel-batch", () => this.#cancel());
    on("delete-batch", () => this.#confirm(true));
    on("keep-batch", () => this.#confirm(false));
    on("really-delete-batch", () => this.#delete());
    on("more-files", () => {
      this.limit = Math.min(MOST_ROWS, this.limit + STEP);
      this.#load(this.id).catch(trouble);
    });
    document.addEventListener("visibilitychange", () => this.#seen(!document.hidden));
  }

  async open(id) {
    if (id === this.id) return;
    this.close();
    Object.assign(this, { id, limit: STEP, status: null });
    this.#blank();
    await this.#load(id).catch((error) => id === this.id && this.#lost(error));
    if (id === this.id && this.status?.status === "processing") this.#follow(id);
  }

  close() {
    this.#stop();
    this.id = null;
  }

  #blank() {
    setText(byId("batch-title"), "…");
    setText(byId("batch-facts"), "");
    fill(byId("batch-rows"));
    for (const name of ["batch-status", "batch-card", "batch-problem", "cancel-batch", "download-batch", "delete-batch", "confirm-delete-batch"]) show(byId(name), false);
  }

  async #load(id) {
    const status = await client.batch(id, { limit: this.limit });
    if (id === this.id) this.#draw(status);
  }

  #draw(status) {
    const before = this.status;
    this.status = status;
    const [says, tone] = batchState(status.status);
    const busy = status.status === "processing";
    const title = count(status.files, "file");
    setText(byId("batch-title"), title);
    document.title = `${title} · Document parser`;
    setText(byId("batch-status"), says);
    byId("batch-status").dataset.tone = tone;
    setText(byId("batch-facts"), [`sent ${clock(status.created_at)}`, status.expires_at && `kept until ${clock(status.expires_at)}`].filter(Boolean).join(" · "));
    byId("download-batch").href = status.download_url;
    for (const [name, visible] of Object.entries({ "batch-status": true, "batch-card": true, "delete-batch": true, "cancel-batch": busy, "download-batch": !busy })) show(byId(name), visible);
    this.#progress(status);
    this.#rows(status);
    if (before?.status === "processing" && !busy) {
      announce(`${title}: ${says}.`);
      this.onChanged();
    }
  }

  #progress({ counts, files, pages }) {
    const open = (counts.queued ?? 0) + (counts.processing ?? 0);
    const bad = (counts.failed ?? 0) + (counts.refused ?? 0);
    const parts = [`${files - open} of ${count(files, "file")} done`, bad && `${bad} could not be read`, counts.incomplete && `${counts.incomplete} with gaps`];
    setText(byId("batch-progress-text"), parts.filter(Boolean).join(", "));
    setText(byId("batch-pages"), pages.total ? `${pages.finished} of ${count(pages.total, "page")}` : "");
    byId("batch-progress").value = files ? (100 * (files - open)) / files : 0;
  }

  /** Rows stay where they are: only texts change, so that a focused link keeps the focus. */
  #rows({ jobs, next_cursor: more, archive }) {
    const known = new Map([...byId("batch-rows").children].map((row) => [row.dataset.place, row]));
    const wanted = jobs.map((file) => this.#update(known.get(file.place) ?? fileRow(file, archive), file));
    const there = [...byId("batch-rows").children];
    if (wanted.length !== there.length || wanted.some((row, index) => row !== there[index])) fill(byId("batch-rows"), wanted);
    show(byId("more-files"), Boolean(more) && this.limit < MOST_ROWS);
  }

  #update(row, file) {
    const [says, tone] = fileState(file);
    const [dot, name, state, problem] = row.children;
    dot.dataset.tone = tone;
    setText(state, says);
    setText(problem, file.error ? failureInShort(file.error) : "");
    show(problem, Boolean(file.error));
    const link = name.firstElementChild;
    if (file.status_url && link.tagName !== "A") name.replaceChildren(el("a", { href: `#/jobs/${file.job_id}`, title: file.name }, file.name));
    return row;
  }

  async #follow(id) {
    this.#stop();
    const { signal } = (this.stopper = new AbortController());
    try {
      for await (const { type } of client.followBatch(id, { signal })) {
        if (type === "batch.deleted") return this.#lost({ message: "This batch was deleted." });
        this.#later();
      }
      this.#stop();
      await this.#load(id);
    } catch (error) {
      if (signal.aborted) return undefined;
      if ([404, 410].includes(error.status)) this.#lost(error);
      else trouble(error);
    }
    return undefined;
  }

  /** Loads once for all news of a moment. */
  #later() {
    const { id } = this;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.#load(id).catch((error) => id === this.id && [404, 410].includes(error.status) && this.#lost(error));
    }, REFRESH_MILLISECONDS);
  }

  /** A hidden tab holds no event stream, because the server has few. */
  #seen(visible) {
    if (!this.id || this.status?.status !== "processing") return;
    this.#stop();
    if (visible) this.#load(this.id).then(() => this.#follow(this.id)).catch(trouble);
  }

  #stop() {
    this.stopper?.abort();
    clearTimeout(this.timer);
    this.timer = null;
  }

  #lost(error) {
    this.#blank();
    if (error.status === 404 || error.status === 410) forget(this.id);
    setText(byId("batch-title"), "Files");
    fill(byId("batch-problem"), el("h2", {}, "These files are not here"), el("p", {}, error.message));
    show(byId("batch-problem"));
  }

  async #cancel() {
    byId("cancel-batch").disabled = true;
    try {
      await client.cancelBatch(this.id);
      notice("Cancelled. What is finished is kept.");
      await this.#load(this.id);
    } catch (error) {
      trouble(error);
    }
    byId("cancel-batch").disabled = false;
  }

  #confirm(asked) {
    show(byId("confirm-delete-batch"), asked);
    byId(asked ? "keep-batch" : "delete-batch").focus();
  }

  async #delete() {
    const id = this.id;
    try {
      await client.deleteBatch(id);
    } catch (error) {
      if (error.status !== 404) return trouble(error);
    }
    forget(id);
    notice("The files and all that was read from them were deleted.");
    if (id === this.id) location.hash = "#/";
    return this.onChanged();
  }
}

/** A row for a file; one inside another file is indented below it. The files of an archive that was sent alone are the first level. */
function fileRow(file, archive) {
  const depth = Math.max(0, file.place.split(".").length - (archive ? 2 : 1));
  const name = el("b", {}, el("span", { title: file.name }, file.name));
  return el("li", { class: "file", data: { place: file.place, depth: Math.min(depth, 4) } }, el("i", { "aria-hidden": "true" }), name, el("span", {}), el("p", { hidden: true }));
}
