// The documents of the last day: all of them if the server lists them, else those that this browser sent.

import { askJson, jobPath } from "./api.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { adminToken, forget, keepAdminToken, remembered } from "./memory.js";
import { ago, count, ENDED, jobState } from "./words.js";

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
      if (turn !== this.turn) return;
      this.#render(jobs);
      jobs.forEach((job) => job.progress && this.onStatus(job));
      busy = jobs.some(({ status }) => !ENDED.has(status));
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
      const { jobs, next_cursor: more } = await askJson(`/v1/jobs?limit=${this.limit}`);
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
    const sent = remembered().slice(0, MOST_ASKED);
    this.#note(this.refused ? "The token was not accepted. Only documents sent from this browser are shown." : "Only documents sent from this browser are shown.");
    const found = await Promise.all(sent.map(({ id }) => askJson(jobPath(id, "/status")).catch((error) => ({ gone: [404, 410].includes(error.status), id }))));
    found.filter(({ gone }) => gone).forEach(({ id }) => forget(id));
    return found.filter(({ job_id: id }) => id);
  }

  #render(jobs) {
    const rows = new Map([...byId("jobs").children].map((row) => [row.dataset.id, row]));
    const wanted = jobs.map((job) => this.#update(rows.get(job.job_id) ?? this.#row(job), job));
    const there = [...byId("jobs").children];
    // Unchanged if the order is the same, so that a focused link keeps the focus.
    if (wanted.length !== there.length || wanted.some((row, index) => row !== there[index])) fill(byId("jobs"), wanted);
  }

  #row(job) {
    const link = el("a", { class: "job", href: `#/jobs/${job.job_id}` }, el("i", { "aria-hidden": "true" }), el("b", {}), el("time", {}), el("span", {}));
    return el("li", { data: { id: job.job_id } }, link);
  }

  #update(row, job) {
    const link = row.firstElementChild;
    const [dot, name, time, text] = link.children;
    const [says, tone] = jobState(job);
    dot.dataset.tone = tone;
    setText(name, job.filename);
    name.title = job.filename;
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

function pages({ status, progress }) {
  if (!progress.total_pages) return "";
  return ENDED.has(status) ? ` · ${count(progress.total_pages, "page")}` : ` · ${Math.round(progress.percent)} % of ${count(progress.total_pages, "page")}`;
}
