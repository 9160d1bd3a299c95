// Batches: files that are sent together, and their results as one archive.

import { follow } from "./follow.js";
import { batchPath } from "./requests.js";
import { Download, ResultMethods } from "./results.js";
import { nameOf } from "./resumable.js";
import { formOf } from "./uploads.js";

/** @typedef {import("./types.js").BatchStatus} BatchStatus */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./requests.js").Call} Call */

/** @param {BatchStatus} batch */
const hasEnded = ({ status }) => status !== "processing";

export class BatchMethods extends ResultMethods {
  /**
   * Sends several documents, or one archive. One that is refused has an error instead of a job; the others are read.
   * @param {Iterable<Blob | {content: Blob, filename: string}>} documents
   * @param {Options} [options] apply to each
   * @param {{idempotencyKey?: string, onProgress?: (progress: {sent: number, total: number}) => void} & Call} [call]
   * @returns {Promise<import("./types.js").BatchAccepted>}
   */
  submitBatch(documents, options = {}, call = {}) {
    const form = formOf(options);
    let total = 0;
    for (const document of documents) {
      const [content, filename] = document instanceof Blob ? [document, nameOf(document)] : [document.content, document.filename];
      form.append("files", content, filename);
      total += content.size;
    }
    return this.postForm("/v1/process/batch", form, total, call);
  }

  /**
   * The state of a batch with a page of its files, 100 by default; `next_cursor` goes on with them.
   * @param {string} batchId
   * @param {{limit?: number, cursor?: string} & Call} [options]
   * @returns {Promise<BatchStatus>}
   */
  batch(batchId, { signal, onWait, ...query } = {}) {
    return this.askJson(batchPath(batchId), { query, signal, onWait });
  }

  /**
   * The events of a batch until it has ended or was deleted. A `status` from the stream has no list of files.
   * @param {string} batchId
   * @param {import("./follow.js").Following} [options]
   */
  followBatch(batchId, options) {
    return follow(this, { events: batchPath(batchId, "/events"), status: batchPath(batchId, "?limit=0"), deleted: "batch.deleted", isAtRest: hasEnded }, options);
  }

  /**
   * Waits until a batch has ended and returns its state.
   * @param {string} batchId
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<BatchStatus>}
   */
  async waitBatch(batchId, { signal } = {}) {
    for await (const { type, data } of this.followBatch(batchId, { signal })) if (type === "status" && hasEnded(data)) break;
    return this.batch(batchId, { signal });
  }

  /**
   * The archive with all results of a batch that has ended: Markdown and JSON of each file, or one format.
   * @param {string} batchId
   * @param {import("./types.js").OutputFormat} [format]
   * @param {Call} [call]
   */
  async downloadBatch(batchId, format, call) {
    return new Download(await this.ask(batchPath(batchId, "/download"), { ...call, query: { format }, headers: { Accept: "*/*" } }));
  }

  /**
   * Ends the jobs of a batch. What is finished is kept.
   * @param {string} batchId
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").BatchCancelled>}
   */
  cancelBatch(batchId, call) {
    return this.askJson(batchPath(batchId, "/cancel"), { ...call, method: "POST" });
  }

  /**
   * Deletes a batch with its jobs and all their files. With AUTH_MODE=off for the operator.
   * @param {string} batchId
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").BatchDeleted>}
   */
  deleteBatch(batchId, call) {
    return this.askJson(batchPath(batchId), { ...call, method: "DELETE" });
  }
}
