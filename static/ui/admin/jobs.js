// Jobs of all owners, out of the history.

import { client } from "../api.js";
import { byId, el } from "../dom.js";
import { count } from "../words.js";
import { addressOf, Filters, moments, queryOf } from "./address.js";
import { Listing } from "./listing.js";
import { moment, named, pill } from "./records.js";

/** The state of a job of the history as a short phrase and a tone. */
export function stateOf({ state, complete }) {
  if (state === "completed" && complete === false) return ["Done, with gaps", "warn"];
  return { queued: ["Queued", "busy"], processing: ["Reading", "busy"], completed: ["Done", "good"], failed: ["Not read", "bad"], cancelled: ["Cancelled", ""], deleted: ["Deleted", ""] }[state] ?? [state, ""];
}

/** What a job is called. Names are not kept of what was deleted, or was to be kept for a time of its own. */
export function nameOf({ filename }) {
  return filename || "Name not kept";
}

export class JobsSection {
  constructor(again) {
    this.filters = new Filters(byId("jobs-filters"), "jobs", again);
    this.list = new Listing(byId("jobs-list"), {
      one: "job",
      home: byId("jobs-title"),
      idOf: ({ job_id: id }) => id,
      columns: [
        { title: "Document", cell: (job) => named(el("a", { href: `#/jobs/${job.job_id}` }, nameOf(job)), job.job_id) },
        { title: "Owner", cell: ({ owner }) => owner && el("a", { href: addressOf("jobs", { owner }) }, owner) },
        { title: "State", cell: (job) => pill(stateOf(job)) },
        { title: "Pages", kind: "number", cell: ({ total_pages: pages }) => pages },
        { title: "Reason", cell: ({ error_code: code }) => code && el("code", {}, code) },
        { title: "Sent", cell: ({ created_at: at }) => moment(at) },
      ],
      empty: () => ["No jobs", "None fits what was asked for. Clear shows all."],
    });
  }

  open(asked) {
    const wanted = moments(this.filters.show(asked));
    this.list.open(async (cursor, signal) => {
      const { jobs, next_cursor: next } = await client.askJson(`/v1/history?${queryOf({ ...wanted, cursor })}`, { signal });
      return { rows: jobs, next };
    });
  }

  close() {
    this.list.stop();
  }
}

export function pagesInWords(pages) {
  return pages === null || pages === undefined ? "" : count(pages, "page");
}
