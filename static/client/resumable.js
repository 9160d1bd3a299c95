// The upload of a large file in pieces (tus 1.0.0): after a lost connection, or a server that was killed, it goes on where the server is.

import { ApiError } from "./errors.js";
import { pause, pauseSeconds } from "./retries.js";

/** Documents larger than this are sent in pieces. */
export const RESUMABLE_BYTES = 16 * 2 ** 20;
const PIECE_BYTES = 8 * 2 ** 20;
/** Attempts without progress, about ten minutes. */
const MOST_ATTEMPTS = 40;
const LONGEST_PAUSE_SECONDS = 15;
const TUS = { "Tus-Resumable": "1.0.0" };

/** Uploads that have begun, by document: a call with the same document goes on with them. @type {WeakMap<Blob, string>} */
const begun = new WeakMap();

/** @typedef {import("./requests.js").Requests} Requests */
/** @typedef {import("./requests.js").Call} Call */

/**
 * @typedef {object} UploadOptions
 * @property {string} [filename]
 * @property {string} [uploadId] goes on with this upload of the same document, which another program may have begun
 * @property {(id: string) => void} [onBegun] called with the id of the upload before anything is sent
 * @property {(progress: {sent: number, total: number}) => void} [onProgress] bytes; never fewer than before
 * @property {boolean} [keep] keeps what has come on the server if `signal` ends the upload; otherwise it is deleted
 */

/**
 * Sends a document in pieces and returns the id of its upload.
 * @param {Requests} requests
 * @param {Blob} document
 * @param {UploadOptions & Call} options
 */
export async function sendInPieces(requests, document, options) {
  const { signal, keep = false, onProgress, onBegun } = options;
  try {
    const { id, offset: start } = await beginOrResume(requests, document, options);
    onBegun?.(id);
    const report = reporter(document.size, onProgress);
    report(start);
    for (let offset = start, attempt = 1; offset < document.size; ) {
      const before = offset;
      try {
        offset = await sendPiece(requests, id, document, offset, report, signal);
      } catch (error) {
        offset = await offsetAfter(requests, error, id, attempt, options);
      }
      attempt = offset > before ? 1 : attempt + 1;
    }
    report(document.size);
    return id;
  } catch (error) {
    if (signal?.aborted && !keep) discard(requests, document);
    throw error;
  }
}

/**
 * A function that reports bytes sent, never fewer than before and all only at the end, when the last piece is stored.
 * @param {number} total
 * @param {UploadOptions["onProgress"]} onProgress
 */
export function reporter(total, onProgress) {
  let most = -1;
  return (/** @type {number} */ sent) => {
    if (sent <= most) return;
    most = sent;
    onProgress?.({ sent, total });
  };
}

/**
 * The upload of a document that has begun and is still there, else a new one.
 * @param {Requests} requests
 * @param {Blob} document
 * @param {UploadOptions & Call} options
 */
async function beginOrResume(requests, document, { filename = nameOf(document), uploadId = begun.get(document), signal, onWait }) {
  if (uploadId) {
    try {
      const { upload_id: id, offset, length } = await requests.askJson(uploadPath(uploadId), { signal, onWait });
      if (length !== null && length !== document.size) throw new TypeError(`The upload is of ${length} bytes, and the document has ${document.size}. Send the same document, or leave out uploadId.`);
      begun.set(document, id);
      return { id, offset };
    } catch (error) {
      if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 410)) throw error;
    }
  }
  const json = { filename, size: document.size };
  // An upload of which the client never heard expires by itself.
  const { upload_id: id, offset } = await requests.askJson("/api/v1/documents/upload/init", { method: "POST", json, signal, onWait, repeatable: true });
  begun.set(document, id);
  return { id, offset };
}

/**
 * Sends a piece and returns the offset behind it.
 * @param {Requests} requests
 * @param {string} id
 * @param {Blob} document
 * @param {number} offset
 * @param {(sent: number) => void} report
 * @param {AbortSignal} [signal]
 */
async function sendPiece(requests, id, document, offset, report, signal) {
  const piece = document.slice(offset, offset + PIECE_BYTES);
  const headers = { ...TUS, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream" };
  // Not quite all: a piece counts only when its answer is here.
  const onSent = (/** @type {number} */ fraction) => report(Math.min(offset + Math.floor(fraction * piece.size), document.size - 1));
  await requests.ask(uploadPath(id), { method: "PATCH", headers, body: piece, signal, onSent, attempts: 1 });
  return offset + piece.size;
}

/**
 * Where to go on after an error that passes; throws any other, and this one after too many attempts.
 * @param {Requests} requests
 * @param {unknown} error
 * @param {string} id
 * @param {number} attempt
 * @param {UploadOptions & Call} options
 * @returns {Promise<number>}
 */
async function offsetAfter(requests, error, id, attempt, options) {
  const { signal, onWait } = options;
  const passes = error instanceof ApiError && (error.status === 0 || error.retryable || error.status === 502 || error.status === 504);
  if (signal?.aborted || !passes || attempt >= MOST_ATTEMPTS) throw error;
  const asked = error.retryAfter === null ? 0 : pauseSeconds(error, 1);
  if (asked === null) throw error;
  const seconds = Math.max(asked, Math.min(LONGEST_PAUSE_SECONDS, attempt));
  onWait?.({ error, seconds, resumes: true });
  await pause(seconds, signal);
  try {
    return (await requests.askJson(uploadPath(id), { signal, attempts: 1 })).offset;
  } catch (later) {
    return offsetAfter(requests, later, id, attempt + 1, options);
  }
}

/**
 * Deletes what has come of a document whose upload was stopped. If that fails, it expires.
 * @param {Requests} requests
 * @param {Blob} document
 */
function discard(requests, document) {
  const id = begun.get(document);
  begun.delete(document);
  if (id) requests.ask(uploadPath(id), { method: "DELETE", headers: TUS, attempts: 1 }).catch(() => {});
}

/** @param {string} id */
export function uploadPath(id) {
  return `/v1/uploads/${encodeURIComponent(id)}`;
}

/** @param {Blob} document */
export function nameOf(document) {
  return document instanceof File && document.name ? document.name : "document";
}
