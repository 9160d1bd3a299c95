// Why jobs failed, each reason with a link to its jobs.

import { client } from "../api.js";
import { byId, el, setText, show } from "../dom.js";
import { addressOf, dayBefore, Filters, moments, queryOf } from "./address.js";
import { shareBar } from "./charts.js";
import { Listing } from "./listing.js";
import { moment, named, whole } from "./records.js";

const DAYS = 30;

export class FailuresSection {
  constructor(again) {
    this.filters = new Filters(byId("failures-filters"), "failures", again, () => ({ since: dayBefore(DAYS) }));
    this.list = new Listing(byId("failures-list"), {
      one: "reason of failure",
      what: "reasons of failure",
      home: byId("failures-title"),
      idOf: ({ error_code: code }) => code,
      columns: [
        { title: "Reason", cell: ({ error_code: code, meaning }) => named(code || "Without a code", meaning) },
        { title: "Jobs", kind: "number", cell: ({ jobs }) => whole(jobs) },
        { title: "Share", kind: "share", cell: ({ share }) => [shareBar(share), el("span", {}, `${Math.round(100 * share)} %`)] },
        { title: "Owners", kind: "number", cell: ({ owners }) => whole(owners) },
        { title: "Newest", cell: ({ newest_at: at }) => moment(at) },
        { title: "Show", kind: "acts", cell: ({ error_code: code }) => el("a", { class: "button small", href: addressOf("jobs", { ...this.filters.values, state: "failed", error_code: code }), "aria-label": `Show the jobs with ${code}` }, "Show jobs") },
      ],
      empty: () => ["No failures", "No job of this time has failed."],
    });
  }

  open(asked) {
    const wanted = moments(this.filters.show(asked));
    this.list.open(async (_, signal) => {
      const { failures, jobs, is_whole: isWhole } = await client.askJson(`/v1/history/failures?${queryOf(wanted)}`, { signal });
      setText(byId("failures-part"), `Only the newest ${whole(jobs)} failed jobs of this time are counted. Choose a shorter time to see the others.`);
      show(byId("failures-part"), !isWhole);
      return { rows: failures.map((one) => ({ ...one, share: one.jobs / jobs })) };
    });
  }

  close() {
    this.list.stop();
  }
}
