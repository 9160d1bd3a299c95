// The ways in which documents are sent: in a form, in pieces, or as an address that the server fetches.

import { newKey, Requests } from "./requests.js";
import { nameOf, reporter, RESUMABLE_BYTES, sendInPieces, uploadPath } from "./resumable.js";

/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./types.js").Accepted} Accepted */
/** @typedef {import("./types.js").UploadState} UploadState */
/** @typedef {import("./requests.js").Call} Call */
/** @typedef {import("./resumable.js").UploadOptions} UploadOptions */
/** @typedef {Blob | ArrayBuffer | ArrayBufferView<ArrayBuffer>} Content */

/**
 * @typedef {object} Submission
 * @property {string} [filename] the name of the document, by default that of the File
 * @property {string} [idempotencyKey] the same key returns the same job, also from another program; by default each call has its own
 * @property {UploadOptions["onProgress"]} [onProgress]
 */

export class UploadMethods extends Requests {
  /**
   * Sends a document and returns its job. One larger than 16 MiB goes in pieces. However often its request has to be sent, one job is created.
   * `onProgress` is called with bytes, never fewer than before. If the signal ends a call that sends pieces, what has come is deleted,
   * unless `keep` is set; the next call with the same Blob goes on with it.
   * @param {Content} document
   * @param {Options} [options]
   * @param {Submission & UploadOptions & Call} [call]
   * @returns {Promise<Accepted>}
   */
  async submit(document, options = {}, call = {}) {
    const blob = blobOf(document);
    if (blob.size > RESUMABLE_BYTES) return this.submitUpload(await this.upload(blob, call), options, call);
    const form = formOf(options);
    form.append("file", blob, call.filename ?? nameOf(blob));
    return this.postForm("/v1/process/async", form, blob.size, call);
  }

  /**
   * Sends a document in pieces and returns the id of the upload, for `submitUpload`. It goes on after a lost connection or a restart of the
   * server, for about ten minutes without progress, and with `uploadId` also in another program.
   * @param {Content} document
   * @param {UploadOptions & Call} [options]
   * @returns {Promise<string>}
   */
  upload(document, options = {}) {
    return sendInPieces(this, blobOf(document), options);
  }

  /**
   * Makes a job of a complete upload.
   * @param {string} uploadId
   * @param {Options} [options]
   * @param {Submission & Call} [call]
   * @returns {Promise<Accepted>}
   */
  submitUpload(uploadId, options = {}, { idempotencyKey = newKey(), signal, onWait } = {}) {
    const json = { upload_id: uploadId, ...given(options) };
    return this.askJson("/v1/process/async", { method: "POST", json, headers: { "Idempotency-Key": idempotencyKey }, signal, onWait });
  }

  /**
   * What has come of an upload.
   * @param {string} uploadId
   * @param {Call} [call]
   * @returns {Promise<UploadState>}
   */
  uploadState(uploadId, call) {
    return this.askJson(uploadPath(uploadId), call);
  }

  /**
   * Deletes an upload. Jobs that were made of it keep their document.
   * @param {string} uploadId
   * @param {Call} [call]
   */
  async deleteUpload(uploadId, call) {
    await this.ask(uploadPath(uploadId), { ...call, method: "DELETE", headers: { "Tus-Resumable": "1.0.0" }, repeatable: true });
  }

  /**
   * Has the server fetch a document and returns its job. The address is http, https, or s3://bucket/key in a bucket that the server allows.
   * What cannot be fetched fails the job.
   * @param {string} address
   * @param {Options & {region?: string}} [options]
   * @param {{idempotencyKey?: string} & Call} [call]
   * @returns {Promise<Accepted>}
   */
  submitLink(address, options = {}, { idempotencyKey = newKey(), signal, onWait } = {}) {
    const isObject = address.startsWith("s3://");
    const json = { [isObject ? "s3_uri" : "url"]: address, ...given(options) };
    const headers = { "Idempotency-Key": idempotencyKey };
    return this.askJson(isObject ? "/v1/process/s3" : "/v1/process/url", { method: "POST", json, headers, signal, onWait });
  }

  /**
   * @protected
   * @param {string} path
   * @param {FormData} form
   * @param {number} total bytes of the documents in it
   * @param {Submission & Call} call
   * @returns {Promise<any>}
   */
  async postForm(path, form, total, { idempotencyKey = newKey(), onProgress, signal, onWait }) {
    const report = reporter(total, onProgress);
    const onSent = onProgress && ((/** @type {number} */ fraction) => report(Math.floor(fraction * total)));
    const accepted = await this.askJson(path, { method: "POST", body: form, headers: { "Idempotency-Key": idempotencyKey }, signal, onWait, onSent });
    report(total);
    return accepted;
  }
}

/**
 * A form with the options first, so that a server can check them before it has the documents.
 * @param {Options} options
 */
export function formOf(options) {
  const form = new FormData();
  for (const [name, value] of Object.entries(given(options))) form.append(name, String(value));
  return form;
}

/**
 * The options that have a value.
 * @param {Options} options
 * @returns {Record<string, unknown>}
 */
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined && value !== null && value !== ""));
}

/**
 * @param {Content} document
 * @returns {Blob}
 */
export function blobOf(document) {
  return document instanceof Blob ? document : new Blob([document]);
}
