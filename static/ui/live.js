// Follows a running job: by its events, or by asking if no stream gets through.

import { client } from "./api.js";
import { ENDED, isRereading } from "./words.js";

const ENDS = new Set(["job.completed", "job.failed", "job.cancelled"]);

/**
 * Follows one job until it has ended and none of its pages is read again, or until `stop` is called. `path` is that of the
 * stream; without it the whole stream is read. Handlers: `status(body)`, `page(number, facts)`, `opened()`, `rereading(number)`, `retried(facts)`,
 * `ended()`, `deleted()`, `asked(pages)` after asking, `trouble(error)`.
 */
export class Feed {
  constructor(jobId, handlers, path) {
    Object.assign(this, { jobId, handlers, path });
    this.stopper = new AbortController();
  }

  async start() {
    const { signal } = this.stopper;
    try {
      for await (const event of client.follow(this.jobId, { path: this.path, signal, onTrouble: this.handlers.trouble })) {
        if (event.type === "job.deleted") return this.handlers.deleted();
        if (event.type === "status") await this.#status(event);
        else this.#tell(event);
        // If a page of an ended job is read again, the stream still has the end of the job from before.
        if (!this.rereading && (event.polled ? this.hasEnded : ENDS.has(event.type))) break;
      }
      this.handlers.ended();
    } catch (error) {
      if (!signal.aborted) this.handlers.trouble(error);
    }
    return undefined;
  }

  stop() {
    this.stopper.abort();
  }

  async #status({ data: status, polled }) {
    const pages = polled ? await client.pages(this.jobId, { signal: this.stopper.signal }).catch((error) => this.#lost(error)) : null;
    this.rereading = isRereading(status);
    this.hasEnded = ENDED.has(status.status);
    this.handlers.status(status);
    if (pages) this.handlers.asked(pages);
  }

  #lost(error) {
    if (this.stopper.signal.aborted) throw error;
    this.handlers.trouble(error);
    return null;
  }

  #tell({ type, data }) {
    const { page } = data;
    if (type === "job.opened") this.handlers.opened();
    else if (type === "page.started") this.handlers.page(page, { state: "reading" });
    else if (type === "page.completed") this.handlers.page(page, { state: data.status, engine: data.engine || null, warnings: data.warnings ?? [] });
    else if (type === "page.rereading") this.handlers.rereading(page);
    else if (type === "page.retried") this.handlers.retried(data);
  }
}
