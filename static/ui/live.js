// Follows a running job: by Server-Sent Events, or by polling if the stream does not work.

import { askJson, jobPath } from "./api.js";
import { ENDED, isRereading } from "./words.js";

const MOST_FAILURES = 3;
const ASK_SECONDS = 2;
const SLOWEST_ASK_SECONDS = 15;
const ENDS = ["job.completed", "job.failed", "job.cancelled"];

/**
 * Follows one job until it has ended and none of its pages is read again, or until `stop` is called. `address` is that of the
 * stream; without it the whole stream is read. Handlers: `status(body)`, `page(number, facts)`, `opened()`, `rereading(number)`, `retried(facts)`,
 * `ended()`, `deleted()`, `asked(ledger)` after a poll, `trouble(error)`.
 */
export class Feed {
  constructor(jobId, handlers, address = jobPath(jobId, "/events")) {
    Object.assign(this, { jobId, handlers, address });
    this.failures = 0;
  }

  start() {
    this.source = new EventSource(this.address);
    const on = (kind, act) =>
      this.source.addEventListener(kind, (event) => {
        this.failures = 0;
        act(JSON.parse(event.data));
      });
    on("status", (status) => {
      this.rereading = isRereading(status);
      this.handlers.status(status);
    });
    on("job.opened", () => this.handlers.opened());
    on("page.started", ({ page }) => this.handlers.page(page, { state: "reading" }));
    on("page.completed", ({ page, status, engine, warnings }) =>
      this.handlers.page(page, { state: status, engine: engine || null, warnings: warnings ?? [] }),
    );
    on("page.rereading", ({ page }) => this.handlers.rereading(page));
    on("page.retried", (facts) => this.handlers.retried(facts));
    // If a page of an ended job is read again, the stream still has the end of the job from before.
    for (const kind of ENDS) on(kind, () => this.rereading || this.#end());
    on("job.deleted", () => {
      this.stop();
      this.handlers.deleted();
    });
    this.source.addEventListener("error", () => this.#failed());
  }

  stop() {
    this.source?.close();
    this.stopped = true;
    clearTimeout(this.timer);
  }

  #end() {
    this.stop();
    this.handlers.ended();
  }

  /** EventSource reconnects by itself after a lost connection, but not after a response that it does not understand. */
  #failed() {
    this.failures += 1;
    if (this.stopped || (this.source.readyState !== EventSource.CLOSED && this.failures < MOST_FAILURES)) return;
    this.source.close();
    this.#askLater(ASK_SECONDS);
  }

  #askLater(seconds) {
    this.timer = setTimeout(() => this.#ask(seconds), seconds * 1000);
  }

  async #ask(seconds) {
    try {
      const [status, ledger] = await Promise.all([askJson(jobPath(this.jobId, "/status")), askJson(jobPath(this.jobId, "/pages"))]);
      if (this.stopped) return;
      this.handlers.status(status);
      this.handlers.asked(ledger);
      if (ENDED.has(status.status) && !isRereading(status)) this.#end();
      else this.#askLater(ASK_SECONDS);
    } catch (error) {
      if (this.stopped) return;
      this.handlers.trouble(error);
      if (error.status !== 404 && error.status !== 410) this.#askLater(Math.min(SLOWEST_ASK_SECONDS, seconds * 2));
    }
  }
}
