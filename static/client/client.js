// The client of one service: what a program needs to call it.

import { BatchMethods } from "./batches.js";
import { batchPath, jobPath } from "./requests.js";
import { Download } from "./results.js";

/** @typedef {import("./types.js").Extraction} Extraction */
/** @typedef {import("./types.js").Classification} Classification */
/** @typedef {import("./types.js").Order} Order */
/** @typedef {import("./requests.js").Call} Call */

/** Seconds for which the server itself waits for values. */
const SERVER_WAIT_SECONDS = 30;

/**
 * Calls one service, from Node or a browser. A busy server (429, 503) is asked again after the pause that it names, and so is one that
 * answered before and now does not, if a repetition does no harm: documents are sent with an Idempotency-Key, so one job is created however
 * often the request had to be sent. Every failure is an ApiError with the service's `code`; a call that its signal ends rejects with
 * the signal's reason.
 */
export class Client extends BatchMethods {
  /**
   * The values of a document that was read, once they are there; nothing is read again.
   * @param {string} jobId
   * @param {Order} order
   * @param {Call} [call]
   * @returns {Promise<Extraction & {url: string}>} `url` is where the same values are from now on
   */
  async extract(jobId, order, call) {
    const answer = await this.ask(jobPath(jobId, "/extract"), { ...call, method: "POST", json: order, patient: true, repeatable: true, serverWaits: SERVER_WAIT_SECONDS });
    return this.#awaited(answer, answer.headers.get("Content-Location") ?? "", call);
  }

  /**
   * The values that were asked for before. The status of a job lists their ids, and the addresses of the same in `url`.
   * @param {string} jobId
   * @param {string} extractionId
   * @param {Call} [call]
   * @returns {Promise<Extraction & {url: string}>}
   */
  extraction(jobId, extractionId, call) {
    return this.#fetched(jobPath(jobId, `/extractions/${encodeURIComponent(extractionId)}`), call);
  }

  /**
   * The values that were asked for before, as a table.
   * @param {string} jobId
   * @param {string} extractionId
   * @param {Call} [call]
   */
  async downloadExtraction(jobId, extractionId, call) {
    const request = { ...call, query: { format: "csv" }, headers: { Accept: "text/csv" }, serverWaits: SERVER_WAIT_SECONDS };
    return new Download(await this.ask(jobPath(jobId, `/extractions/${encodeURIComponent(extractionId)}`), request));
  }

  /**
   * The values of all files of a batch that has ended, those that were asked for with it, as a table.
   * @param {string} batchId
   * @param {Call} [call]
   */
  async downloadBatchExtractions(batchId, call) {
    const request = { ...call, query: { format: "csv" }, headers: { Accept: "text/csv" }, serverWaits: SERVER_WAIT_SECONDS };
    return new Download(await this.ask(batchPath(batchId, "/extractions"), request));
  }

  /**
   * The prebuilt schemas, and the operator's own.
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").SchemaSummary[]>}
   */
  async schemas(call) {
    return (await this.askJson("/v1/schemas", call)).schemas;
  }

  /**
   * Whether a schema is supported, and what of it is not.
   * @param {Record<string, unknown>} jsonSchema
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").SchemaValidity>}
   */
  validateSchema(jsonSchema, call) {
    return this.askJson("/v1/extract/validate", { ...call, method: "POST", json: { json_schema: jsonSchema }, repeatable: true });
  }

  /**
   * The documents that the file of a completed job holds: their types, pages and reasons. `labels` are the types that they may be.
   * @param {string} jobId
   * @param {{labels?: string[]} & Call} [options]
   * @returns {Promise<Classification>}
   */
  async classify(jobId, { labels = [], ...call } = {}) {
    const request = { ...call, method: "POST", json: labels.length ? { labels } : {}, patient: true, repeatable: true, serverWaits: SERVER_WAIT_SECONDS };
    return this.#awaited(await this.ask(jobPath(jobId, "/classify"), request), "", call);
  }

  /**
   * Whether the service accepts and reads documents. `status` is ok, degraded or down; the answer of one that is down is no error.
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").Health>}
   */
  ready({ signal } = {}) {
    return this.askJson("/v1/health/ready", { signal, attempts: 1, mayBeDown: true });
  }

  /**
   * The load, the engines and the limits of the service.
   * @param {Call} [call]
   * @returns {Promise<import("./types.js").System>}
   */
  system(call) {
    return this.askJson("/v1/system", call);
  }

  /**
   * @param {string} path
   * @param {Call} [call]
   */
  async #fetched(path, call) {
    return this.#awaited(await this.ask(path, { ...call, patient: true, serverWaits: SERVER_WAIT_SECONDS }), path, call);
  }

  /**
   * The answer to what takes longer: it is asked for until it is there. The server waits at each request.
   * @param {Response} answer
   * @param {string} url
   * @param {Call} [call]
   * @returns {Promise<any>}
   */
  async #awaited(answer, url, call) {
    const body = await answer.json();
    return answer.status === 202 ? this.#fetched(body.status_url, call) : Object.assign(body, url ? { url } : {});
  }
}
