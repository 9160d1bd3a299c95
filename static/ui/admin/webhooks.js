// Deliveries of webhooks: which wait, which have come, which were given up, and again.

import { jobPath } from "../../client/index.js";
import { client } from "../api.js";
import { byId, el, setText, show } from "../dom.js";
import { notice, trouble } from "../notices.js";
import { count } from "../words.js";
import { Filters, queryOf } from "./address.js";
import { confirm } from "./dialogs.js";
import { Listing } from "./listing.js";
import { moment, named, pill, whole } from "./records.js";

const STATES = { pending: ["Waiting", "busy"], delivered: ["Delivered", "good"], failed: ["Given up", "bad"] };

export class WebhooksSection {
  constructor(again) {
    this.filters = new Filters(byId("webhooks-filters"), "webhooks", again);
    this.list = new Listing(byId("webhooks-list"), {
      one: "delivery",
      what: "deliveries",
      home: byId("webhooks-title"),
      idOf: (one) => `${one.job_id} ${one.event}`,
      columns: [
        { title: "Event", cell: ({ event, job_id: id }) => named(event, event.startsWith("batch") ? id : el("a", { href: `#/jobs/${id}` }, id)) },
        { title: "Receiver", cell: ({ host }) => host },
        { title: "State", cell: ({ state }) => pill(STATES[state]) },
        { title: "Attempts", kind: "number", cell: ({ attempts }) => whole(attempts) },
        { title: "Last answer", cell: ({ last_status: status, last_error: error }) => [status, error].filter(Boolean).join(" · ") },
        { title: "Next attempt", cell: ({ next_attempt_at: at }) => moment(at) },
        { title: "Event at", cell: ({ ended_at: at }) => moment(at) },
        { title: "Do", kind: "acts", cell: (one) => !one.event.startsWith("batch") && this.#again(one) },
      ],
      empty: () => ["No deliveries", "Jobs that are sent with webhook_url are listed here once they end."],
    });
    byId("replay-failed").addEventListener("click", () => this.#replayFailed());
  }

  open(asked) {
    const wanted = this.filters.show(asked);
    setText(byId("webhooks-counts"), "");
    this.list.open(async (cursor, signal) => {
      const { deliveries, next_cursor: next, pending, failed } = await client.askJson(`/v1/webhooks/deliveries?${queryOf({ ...wanted, cursor })}`, { signal });
      setText(byId("webhooks-counts"), `${whole(pending)} waiting, ${whole(failed)} given up.`);
      show(byId("replay-failed"), failed > 0);
      this.failed = failed;
      return { rows: deliveries, next };
    });
  }

  close() {
    this.list.stop();
  }

  #again(one) {
    const send = async ({ currentTarget: button }) => {
      if (button.hasAttribute("aria-busy")) return;
      button.setAttribute("aria-busy", "true");
      try {
        await client.askJson(jobPath(one.job_id, "/webhook/replay"), { method: "POST" });
        notice("The newest webhook of this job is delivered again.");
        await this.list.refresh();
      } catch (error) {
        trouble(error);
        button.removeAttribute("aria-busy");
      }
    };
    return el("button", { class: "button small", type: "button", "aria-label": `Deliver ${one.event} of ${one.job_id} again`, data: { act: "replay" }, on: { click: send } }, "Again");
  }

  #replayFailed() {
    confirm({
      title: "Deliver failed webhooks again?",
      says: `${count(this.failed, "webhook")} that ${this.failed === 1 ? "was" : "were"} given up ${this.failed === 1 ? "is" : "are"} delivered again, each on a new schedule. Receivers may have had some of them already.`,
      action: "Deliver them",
      lost: () => byId("webhooks-title").focus(),
      act: async () => {
        const { replayed, left } = await client.askJson("/v1/webhooks/deliveries/replay", { method: "POST" });
        await this.list.refresh();
        notice(`${count(replayed, "webhook")} will be delivered again${left ? `, ${left} are left: do it again for them` : ""}.`);
      },
    });
  }
}
