// The uploads: two at a time, each with its progress; each can be stopped or tried again.

import { byId, el, fill, setText, show } from "./dom.js";
import { explain, failureInShort } from "./failure.js";
import { files, remember } from "./memory.js";
import { Link } from "./link.js";
import { announce } from "./notices.js";
import { upload } from "./upload.js";
import { bytes, count, ENDED, jobState } from "./words.js";

const AT_ONCE = 2;

function whyItWaits({ error, resumes }) {
  if (resumes) return "Interrupted. Going on";
  return `${error.code === "RATE_LIMIT_EXCEEDED" ? explain(error) : "The server is busy."} Trying again`;
}

export class Queue {
  /** `onAccepted(address, alone)` is called for every accepted document or batch, `alone` if nothing else is in the queue; `onNotUnderstood(fields)` for refused options. */
  constructor(mostMegabytes, onAccepted, onNotUnderstood) {
    this.mostBytes = mostMegabytes * 2 ** 20;
    Object.assign(this, { onAccepted, onNotUnderstood });
    this.entries = [];
    byId("clear-queue").addEventListener("click", () => this.clear());
  }

  /** Adds files or a link: one by itself, several files as one batch. A file that the server would refuse for its size is not sent. */
  add(chosen, options) {
    const fits = chosen.filter((file) => file instanceof Link || file.size <= this.mostBytes);
    for (const file of chosen.filter((other) => !fits.includes(other))) this.#fail(this.#entry([file], options), `Larger than this server accepts (${bytes(this.mostBytes)}).`, false);
    if (fits.length === 1 && fits[0].size === 0) this.#fail(this.#entry(fits, options), "The file has no bytes.", false);
    else if (fits.length) this.#entry(fits, options);
    show(byId("queue"), this.entries.length > 0);
    this.#next();
  }

  #entry(chosen, options) {
    const name = chosen.length === 1 ? chosen[0].name : count(chosen.length, "file");
    const link = chosen[0] instanceof Link ? chosen[0] : null;
    const entry = { files: chosen, link, name, size: chosen.reduce((sum, { size }) => sum + size, 0), options, state: "waiting" };
    entry.row = this.#row(entry);
    this.entries.push(entry);
    byId("queue-rows").append(entry.row.root);
    return entry;
  }

  /** Removes finished uploads; those in progress stay. */
  clear() {
    for (const entry of this.entries.filter(({ state }) => state === "accepted" || state === "failed")) this.#remove(entry);
  }

  /** Updates an entry with the status of its job. */
  tell(status) {
    const entry = this.entries.find(({ jobId }) => jobId === status.job_id);
    if (!entry) return;
    const { progress } = status;
    const pages = progress.total_pages ? `, ${Math.round(progress.percent)} % of ${progress.total_pages} pages` : "";
    setText(entry.row.text, jobState(status)[0] + (ENDED.has(status.status) ? (status.error ? `: ${failureInShort(status.error)}` : "") : pages));
    entry.row.text.dataset.tone = status.status === "failed" ? "bad" : "";
  }

  get #open() {
    return this.entries.filter(({ state }) => state === "waiting" || state === "sending");
  }

  #next() {
    const waiting = this.entries.filter(({ state }) => state === "waiting");
    const room = AT_ONCE - this.entries.filter(({ state }) => state === "sending").length;
    for (const entry of waiting.slice(0, Math.max(0, room))) this.#send(entry);
  }

  async #send(entry) {
    const { files: sent, link, options, row } = entry;
    entry.state = "sending";
    entry.stop = new AbortController();
    show(row.bar, !link);
    try {
      const accepted = await upload(link ?? sent, options, {
        signal: entry.stop.signal,
        onProgress: (fraction) => this.#progress(entry, fraction),
        onWait: (waiting) => setText(row.text, `${whyItWaits(waiting)} in ${Math.ceil(waiting.seconds)} s.`),
      });
      this.#accepted(entry, accepted);
    } catch (error) {
      if (error.name === "AbortError") this.#remove(entry);
      else this.#fail(entry, explain(error), error.retryable);
      if (error.code === "INVALID_OPTION") this.onNotUnderstood(error.details.fields ?? []);
    }
    this.#next();
  }

  #progress({ row, size }, fraction) {
    row.bar.value = fraction * 100;
    setText(row.text, fraction < 1 ? `${Math.round(fraction * 100)} % of ${bytes(size)}` : "Sent. The server checks it.");
  }

  #accepted(entry, { job_id: jobId, batch_id: batchId, jobs = [{ job_id: jobId }] }) {
    const { password, ...kept } = entry.options;
    const address = batchId ? `#/batches/${batchId}` : `#/jobs/${jobId}`;
    Object.assign(entry, { state: "accepted", jobId });
    remember({ id: batchId ?? jobId, batch: Boolean(batchId), name: entry.name, options: kept, password: Boolean(password), at: new Date().toISOString() });
    jobs.forEach(({ job_id: id }, index) => id && files.set(id, { file: entry.files[index], options: kept }));
    setText(entry.row.text, "Queued");
    show(entry.row.bar, false);
    fill(entry.row.actions, el("a", { class: "button small", href: address }, "Open"));
    announce(`${entry.name}: ${entry.link ? "accepted" : "uploaded"}.`);
    const alone = this.entries.length === 1;
    if (alone) this.#remove(entry);
    this.onAccepted(address, alone);
  }

  #fail(entry, message, again) {
    entry.state = "failed";
    setText(entry.row.text, message);
    entry.row.text.dataset.tone = "bad";
    show(entry.row.bar, false);
    const retry = () => {
      entry.row.text.dataset.tone = "";
      entry.state = "waiting";
      fill(entry.row.actions, this.#button("Cancel", () => this.#stop(entry), entry));
      this.#next();
    };
    fill(entry.row.actions, again && this.#button("Try again", retry, entry), this.#button("Dismiss", () => this.#remove(entry), entry));
    announce(`${entry.name}: ${message}`);
  }

  #stop(entry) {
    if (entry.state === "sending") entry.stop.abort();
    else this.#remove(entry);
  }

  #remove(entry) {
    entry.row.root.remove();
    this.entries = this.entries.filter((other) => other !== entry);
    show(byId("queue"), this.entries.length > 0);
  }

  #row(entry) {
    const text = el("p", {}, entry.link ? "Waiting" : `Waiting, ${bytes(entry.size)}`);
    const bar = el("progress", { max: "100", value: "0", hidden: true, "aria-label": `Upload of ${entry.name}` });
    const actions = el("div", { class: "row" }, this.#button("Cancel", () => this.#stop(entry), entry));
    const root = el("li", { class: "upload" }, el("b", { title: entry.name }, entry.name), actions, text, bar);
    return { root, text, bar, actions };
  }

  #button(name, act, entry) {
    return el("button", { class: "button small", type: "button", "aria-label": `${name}: ${entry.name}`, on: { click: act } }, name);
  }
}
