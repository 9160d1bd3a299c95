// The audit: who did what, when, from where, and how it ended.

import { client } from "../api.js";
import { byId, el } from "../dom.js";
import { addressOf, Filters, moments, queryOf } from "./address.js";
import { Listing } from "./listing.js";
import { moment, named, pill } from "./records.js";

const ACTORS = { key: "by key", user: "by login", operator: "operator", anyone: "anyone" };

export class AuditSection {
  constructor(again) {
    this.filters = new Filters(byId("audit-filters"), "audit", again);
    this.list = new Listing(byId("audit-list"), {
      one: "entry",
      what: "entries",
      home: byId("audit-title"),
      idOf: ({ id }) => id,
      columns: [
        { title: "When", cell: ({ at }) => moment(at, { isExact: true }) },
        { title: "Who", cell: ({ owner, actor, key_id: key }) => named(owner, ACTORS[actor] ?? actor, key && [" ", el("a", { href: addressOf("audit", { key_id: key }), title: `Only what key ${key} did` }, key.slice(0, 8))]) },
        { title: "What", cell: ({ action }) => el("code", {}, action) },
        { title: "To what", cell: ({ job_id: job, subject }) => (job ? el("a", { href: `#/jobs/${job}` }, job) : subject) },
        { title: "From", cell: ({ address }) => address },
        { title: "Outcome", cell: ({ status }) => pill([String(status), status < 400 ? "good" : "bad"]) },
      ],
      empty: () => ["No entries", "None fits what was asked for. Clear shows all."],
    });
  }

  open(asked) {
    const wanted = moments(this.filters.show(asked));
    this.list.open(async (cursor, signal) => {
      const { entries, next_cursor: next } = await client.askJson(`/v1/audit?${queryOf({ ...wanted, cursor })}`, { signal });
      return { rows: entries, next };
    });
  }

  close() {
    this.list.stop();
  }
}
