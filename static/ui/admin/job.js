// One job: what the history knows of it, and for each page which engine read it, and why.

import { client } from "../api.js";
import { byId, el, fill, setText } from "../dom.js";
import { whyTrail } from "../why.js";
import { bytes, count, duration, ENGINES, PAGE_ERRORS, WARNINGS } from "../words.js";
import { addressOf } from "./address.js";
import { nameOf, pagesInWords, stateOf } from "./jobs.js";
import { moment, pill } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

const STEP = 100;
const GONE = new Set([404, 410]);
const STATES = { done: ["Read", "good"], blank: ["Blank", ""], failed: ["Not read", "bad"], reading: ["Being read", "busy"], unread: ["Not read", ""] };

export class JobSection {
  async open(asked, id) {
    const place = byId("job-facts");
    this.id = id;
    setText(byId("job-title"), "Job");
    fill(place, loading("job"));
    try {
      const { jobs } = await client.askJson(`/v1/history?text=${id}`);
      if (this.id !== id) return;
      if (jobs.length) this.#show(place, jobs[0]);
      else fill(place, nothing("No such job", "The history does not know it. A job that was sent within the last seconds comes soon."));
    } catch (error) {
      if (this.id === id) fill(place, notLoaded(error, "job", () => this.open(asked, id)));
    }
  }

  close() {
    this.id = "";
  }

  #show(place, job) {
    setText(byId("job-title"), nameOf(job));
    document.title = `${nameOf(job)} · Admin · Document parser`;
    const trail = el("section", { class: "trail", "aria-labelledby": "trail-title" });
    fill(place, facts(job), trail);
    if (job.state === "queued" || job.state === "deleted") trail.remove();
    else this.#pages(trail, job);
  }

  async #pages(place, job) {
    const title = el("h2", { id: "trail-title" }, "Pages, and why each reads as it does");
    fill(place, title, loading("pages"));
    try {
      const pages = await client.pages(job.job_id);
      const list = el("ol", { class: "trail-pages" });
      fill(place, title, el("p", { class: "hint" }, "Opening a page is noted in the audit, because its contents come along."), list);
      if (pages.length) more(list, job.job_id, pages, 0);
      else fill(place, title, nothing("No pages", "The document was not opened, so no page was read."));
    } catch (error) {
      if (GONE.has(error.status)) fill(place, title, nothing("The pages are no longer kept", "The job has expired or was deleted. What is above is all that is left of it."));
      else fill(place, title, notLoaded(error, "pages", () => this.#pages(place, job)));
    }
  }
}

function facts(job) {
  const link = (name, value, to) => [name, value && el("a", { href: to }, value)];
  const rows = [
    ["State", pill(stateOf(job))],
    ["Reason", job.error_code && [el("code", {}, job.error_code), job.error_message && ` ${job.error_message}`]],
    link("Owner", job.owner, addressOf("jobs", { owner: job.owner })),
    link("Key", job.key_id, addressOf("audit", { key_id: job.key_id })),
    ["Pages", [pagesInWords(job.total_pages), engines(job.page_counts)].filter(Boolean).join(": ")],
    ["Size", [job.size ? bytes(job.size) : "", job.media_type].filter(Boolean).join(", ")],
    ["Sent", moment(job.created_at)],
    ["Took", job.started_at && job.completed_at && duration((Date.parse(job.completed_at) - Date.parse(job.started_at)) / 1000)],
    ["Kept until", moment(job.expires_at)],
    ["Deleted", moment(job.deleted_at)],
    ["Read as", [job.options.accuracy_mode, job.options.output_format, job.lane && `lane ${job.lane}`].filter(Boolean).join(", ")],
    ["Webhook to", job.webhook_host],
    link("Inside", job.parent, `#/jobs/${job.parent}`),
    ["SHA-256", job.sha256 && el("code", {}, job.sha256)],
    ["Request", job.request_id && el("code", {}, job.request_id)],
    ["Job", el("code", {}, job.job_id)],
  ];
  const shown = rows.filter(([, value]) => value).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  const links = [el("a", { class: "button", href: addressOf("audit", { job_id: job.job_id }) }, "Who read or changed it"), job.state !== "deleted" && el("a", { class: "button", href: `/#/jobs/${job.job_id}` }, "Open the document")];
  return el("div", { class: "card facts" }, el("dl", {}, shown), el("div", { class: "row" }, links));
}

/** Pages by engine; the rest of the counts is that of outcomes. */
function engines(counts) {
  return Object.entries(counts).filter(([name]) => name in ENGINES).map(([name, pages]) => `${pages} ${ENGINES[name]}`).join(", ");
}

function more(list, id, pages, from) {
  list.append(...pages.slice(from, from + STEP).map((page) => row(id, page)));
  if (pages.length <= from + STEP) return;
  const button = el("button", { class: "button", type: "button" }, `Show ${Math.min(STEP, pages.length - from - STEP)} more`);
  const item = el("li", {}, button);
  button.addEventListener("click", () => {
    item.remove();
    more(list, id, pages, from + STEP);
    list.children[from + STEP].querySelector("button").focus();
  });
  list.append(item);
}

function row(id, { number, state, engine, warnings, error }) {
  const body = el("div", { id: `why-${number}`, class: "why-body", hidden: true });
  const button = el("button", { class: "button small", type: "button", "aria-expanded": "false", "aria-controls": body.id, "aria-label": `Why page ${number} reads as it does` }, "Why");
  button.addEventListener("click", () => toggle(button, body, id, number));
  const says = [...warnings.map((code) => WARNINGS[code] ?? code), error && (PAGE_ERRORS[error] ?? error)].filter(Boolean).join(" ");
  return el("li", { class: "trail-page" }, el("b", {}, `Page ${number}`), pill(STATES[state] ?? ["Waiting", ""]), el("span", {}, engine ? (ENGINES[engine] ?? engine) : ""), el("span", { class: "says" }, says), button, body);
}

async function toggle(button, body, id, number) {
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  body.hidden = isOpen;
  if (isOpen || "state" in body.dataset) return;
  body.dataset.state = "loading";
  fill(body, loading(`page ${number}`));
  try {
    const parts = whyTrail(await client.page(id, number));
    fill(body, el("div", { class: "why" }, el("div", {}, parts.length ? parts : el("p", {}, `Nothing was tried: ${count(0, "attempt")}.`))));
  } catch (error) {
    fill(body, el("p", { class: "hint", role: "alert" }, `${error.message} Close this and open it again to try once more.`));
    delete body.dataset.state;
  }
}
