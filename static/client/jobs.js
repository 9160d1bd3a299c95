// Jobs: followed, listed, ended; their pages.

import { follow } from "./follow.js";
import { jobPath } from "./requests.js";
import { UploadMethods } from "./uploads.js";

/** @typedef {import("./types.js").JobStatus} JobStatus */
/** @typedef {import("./types.js").PageEntry} PageEntry */
/** @typedef {import("./types.js").PageView} PageView */
/** @typedef {import("./types.js").Rereading} Rereading */
/** @typedef {import("./types.js").RetryChoice} RetryChoice */
/** @typedef {import("./requests.js").Call} Call */

const ENDED = new Set(["completed", "failed", "cancelled"]);

/**
 * Whether a job has ended, no page of it is being read again, and nothing is being extracted.
 * @param {JobStatus} status
 */
export function isAtRest({ status, stage }) {
  return ENDED.has(status) && !/^(rereading|extracting)/.test(String(stage ?? ""));
}

export class JobMethods extends UploadMethods {
  /**
   * @param {string} jobId
   * @param {Call} [call]
   * @returns {Promise<JobStatus>}
   */
  status(jobId, call) {
    return this.askJson(jobPath(jobId, "/status"), call);
  }

  /**
   * The events of a job until it is at rest or deleted, as docs/api.md lists them: `for await (const { type, data } of client.follow(id))`.
   * A lost connection is made again behind the last event. Where no stream gets through, only `status` comes, every two seconds.
   * `path` is the `events_url` of an answer.
   * @param {string} jobId
   * @param {import("./follow.js").Following & {path?: string}} [options]
   */
  follow(jobId, { path = jobPath(jobId, "/events"), ...options } = {}) {
    return follow(this, { events: path, status: jobPath(jobId, "/status"), deleted: "job.deleted", isAtRest }, options);
  }

  /**
   * Waits until a job has ended in any state, no page of it is being read again and nothing is being extracted, and returns its status.
   * `signal: AbortSignal.timeout(milliseconds)` bounds that; the job goes on.
   * @param {string} jobId
   * @param {{onStatus?: (status: JobStatus) => void, signal?: AbortSignal}} [options]
   * @returns {Promise<JobStatus>}
   */
  async wait(jobId, { onStatus, signal } = {}) {
    for await (const { type, data } of this.follow(jobId, { signal })) {
      if (type !== "status") continue;
      onStatus?.(data);
      if (isAtRest(data)) return data;
    }
    return this.status(jobId, { signal });
  }

  /**
   * One page of the list of jobs, newest first. With AUTH_MODE=off for the operator.
   * @param {{limit?: number, cursor?: string, status?: string} & Call} [options]
   * @returns {Promise<import("./types.js").Jobs>}
   */
  jobs({ signal, onWait, ...query } = {}) {
    return this.askJson("/v1/jobs", { query, signal, onWait });
  }

  /**
   * Ends a job. Its finished pages are kept.
   * @param {string} jobId
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").Cancelled>}
   */
  cancel(jobId, call) {
    return this.askJson(jobPath(jobId, "/cancel"), { ...call, method: "POST" });
  }

  /**
   * Deletes a job and all its files. With AUTH_MODE=off for the operator.
   * @param {string} jobId
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").Deleted>}
   */
  delete(jobId, call) {
    return this.askJson(jobPath(jobId), { ...call, method: "DELETE" });
  }

  /**
   * The documents inside a document: attachments, files of an archive.
   * @param {string} jobId
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").Children>}
   */
  children(jobId, call) {
    return this.askJson(jobPath(jobId, "/children"), call);
  }

  /**
   * All pages in ascending order; empty until the document has been opened.
   * @param {string} jobId
   * @param {Call} [call]
   * @returns {Promise<PageEntry[]>}
   */
  async pages(jobId, call) {
    return (await this.askJson(jobPath(jobId, "/pages"), call)).pages;
  }

  /**
   * One page, also while the job runs: its blocks, and why it reads as it does.
   * @param {string} jobId
   * @param {number} number
   * @param {Call} [call]
   * @returns {Promise<PageView>}
   */
  page(jobId, number, call) {
    return this.askJson(jobPath(jobId, `/pages/${number}`), { ...call, patient: true });
  }

  /**
   * The image of a page as a JPEG, turned as the page was read, so that the boxes fit.
   * @param {string} jobId
   * @param {number} number
   * @param {Call} [call]
   * @returns {Promise<Blob>}
   */
  pageImage(jobId, number, call) {
    return this.image(jobPath(jobId, `/pages/${number}/image`), call);
  }

  /**
   * The JPEG of a figure. `name` is the `picture` of its block.
   * @param {string} jobId
   * @param {string} name
   * @param {Call} [call]
   * @returns {Promise<Blob>}
   */
  figure(jobId, name, call) {
    return this.image(jobPath(jobId, `/figures/${encodeURIComponent(name)}`), call);
  }

  /**
   * An image by its path, as the `image_url` of a page. Waits while it is being drawn.
   * @param {string} path
   * @param {Call} [call]
   * @returns {Promise<Blob>}
   */
  async image(path, call) {
    return (await this.ask(path, { ...call, headers: { Accept: "image/*" }, patient: true })).blob();
  }

  /**
   * Has a page of a completed job read again. Options that are left out stay as they were; an encrypted document needs its password again.
   * @param {string} jobId
   * @param {number} number
   * @param {RetryChoice} [choice]
   * @param {Call} [call]
   * @returns {Promise<Rereading>}
   */
  retryPage(jobId, number, choice = {}, call) {
    return this.askJson(jobPath(jobId, `/pages/${number}/retry`), { ...call, method: "POST", json: choice });
  }
}
