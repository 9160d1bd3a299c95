// The documents of the last day: all of them if the server lists them, else those that this browser sent.

import { client } from "./api.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { adminToken, forget, keepAdminToken, remembered } from "./memory.js";
import { ago, batchState, count, ENDED, jobState } from "./words.js";

const DAY_MILLISECONDS = 24 * 3600 * 1000;
const BUSY_SECONDS = 3;
const IDLE_SECONDS = 30;
const MOST_ASKED = 20;
const STEP = 50;
const MOST_SHOWN = 500;

export class JobsList {
  /** `onStatus(status)` is called for each job whenever the list is loaded. */
  constructor(onStatus) {
    this.onStatus = onStatus;
    this.limit = STEP;
    byId("token-form").addEventListener("submit", (event) => this.#token(event));
    byId("more-jobs").addEventListener("click", () => {
      this.limit = Math.min(MOST_SHOWN, this.limit + STEP);
      this.refresh();
    });
    document.addEventListener("visibilitychange", () => !document.hidden && this.refresh());
  }

  setCurrent(id) {
    this.current = id;
    for (const link of byId("jobs").querySelectorAll("a")) this.#mark(link);
  }

  /** Loads the list now and then at intervals, which are short while a job runs. */
  async refresh() {
    clearTimeout(this.timer);
    const turn = (this.turn = (this.turn ?? 0) + 1);
    let busy = false;
    try {
      const jobs = await this.#jobs();
      const batches = await this.#batches(jobs);
      if (turn !== this.turn) return;
      this.#render([...jobs.filter(({ batch_id: id }) => !batches.has(id)), ...batches.values()].sort((one, other) => other.created_at.localeCompare(one.created_at)));
      jobs.forEach((job) => job.progress && this.onStatus(job));
      busy = jobs.some(({ status }) => !ENDED.has(status)) || [...batches.values()].some(({ status }) => status === "processing");
    } catch (error) {
      if (turn !== this.turn) return;
      this.#note(error.message);
    }
    if (!document.hidden) this.timer = setTimeout(() => this.refresh(), (busy ? BUSY_SECONDS : IDLE_SECONDS) * 1000);
  }

  /** Shows a status that came from elsewhere, if its job is listed. */
  tell(job) {
    const row = [...byId("jobs").children].find(({ dataset }) => dataset.id === job.job_id);
    if (row) this.#update(row, job);
  }

  async #jobs() {
    try {
      const { jobs, next_cursor: more } = await client.jobs({ limit: this.limit });
      const recent = jobs.filter((job) => Date.now() - Date.parse(job.created_at) < DAY_MILLISECONDS);
      show(byId("token-form"), false);
      show(byId("more-jobs"), Boolean(more) && recent.length === jobs.length && this.limit < MOST_SHOWN);
      this.#note(recent.length ? "" : "Nothing yet.");
      return recent;
    } catch (error) {
      if (error.status !== 401 && error.status !== 403) throw error;
      // If it were sent again and again, each time would count as a guess.
      this.refused = adminToken() !== "" || this.refused;
      keepAdminToken("");
      return this.#own();
    }
  }

  /** The jobs this browser sent; those that are gone are forgotten. */
  async #own() {
    show(byId("token-form"));
    show(byId("more-jobs"), false);
    const sent = remembered().filter(({ batch }) => !batch).slice(0, MOST_ASKED);
    this.#note(this.refused ? "The token was not accepted. Only documents sent from this browser are shown." : "Only documents sent from this browser are shown.");
    const found = await Promise.all(sent.map(({ id }) => client.status(id).catch((error) => ({ gone: [404, 410].includes(error.status), id }))));
    found.filter(({ gone }) => gone).forEach(({ id }) => forget(id));
    return found.filter(({ job_id: id }) => id);
  }

  /** The batches that these jobs belong to and those that this browser sent, by id: each is one row, its jobs have none. */
  async #batches(jobs) {
    const known = [...jobs.map(({ batch_id: id }) => id), ...remembered().filter(({ batch }) => batch).map(({ id }) => id)];
    const ids = [...new Set(known.filter(Boolean))].slice(0, MOST_ASKED);
    const found = await Promise.all(ids.map((id) => client.batch(id, { limit: 0 }).catch((error) => ([404, 410].includes(error.status) && forget(id), null))));
    return new Map(found.filter(Boolean).map((batch) => [batch.batch_id, batch]));
  }

  #render(jobs) {
    const rows = new Map([...byId("jobs").children].map((row) => [row.dataset.id, row]));
    const wanted = jobs.map((job) => this.#update(rows.get(idOf(job)) ?? this.#row(job), job));
    const there = [...byId("jobs").children];
    // Unchanged if the order is the same, so that a focused link keeps the focus.
    if (wanted.length !== there.length || wanted.some((row, index) => row !== there[index])) fill(byId("jobs"), wanted);
  }

  #row(job) {
    const link = el("a", { class: "job", href: job.job_id ? `#/jobs/${job.job_id}` : `#/batches/${job.batch_id}` }, el("i", { "aria-hidden": "true" }), el("b", {}), el("time", {}), el("span", {}));
    return el("li", { data: { id: idOf(job) } }, link);
  }

  #update(row, job) {
    const link = row.firstElementChild;
    const [dot, name, time, text] = link.children;
    const [says, tone] = job.job_id ? jobState(job) : batchState(job.status);
    const title = job.filename ?? count(job.files, "file");
    dot.dataset.tone = tone;
    setText(name, title);
    name.title = title;
    setText(time, ago(job.created_at));
    time.dateTime = job.created_at;
    setText(text, `${says}${pages(job)}`);
    this.#mark(link);
    return row;
  }

  #mark(link) {
    if (link.parentElement.dataset.id === this.current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }

  #note(text) {
    setText(byId("jobs-note"), text);
    show(byId("jobs-note"), text !== "");
  }

  #token(event) {
    event.preventDefault();
    this.refused = false;
    keepAdminToken(byId("token").value.trim());
    byId("token").value = "";
    this.refresh();
  }
}

function idOf(job) {
  return job.job_id ?? job.batch_id;
}

function pages({ status, progress, pages: all }) {
  if (!progress) return all.total ? ` · ${count(all.total, "page")}` : "";
  if (!progress.total_pages) return "";
  return ENDED.has(status) ? ` · ${count(progress.total_pages, "page")}` : ` · ${Math.round(progress.percent)} % of ${count(progress.total_pages, "page")}`;
}
