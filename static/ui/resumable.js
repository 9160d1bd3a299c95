// The upload of a large file in pieces (tus 1.0.0): after a lost connection it goes on where the server is.

import { ApiError, askJson, pause, problem, unreachable, waitSeconds } from "./api.js";
import { adminToken } from "./memory.js";

/** Files larger than this are sent in pieces. */
export const RESUMABLE_BYTES = 16 * 2 ** 20;
const PIECE_BYTES = 8 * 2 ** 20;
/** Tries without progress, about ten minutes. */
const MOST_TRIES = 40;
const LONGEST_PAUSE_SECONDS = 15;
const TUS = { "Tus-Resumable": "1.0.0" };

/** Uploads that have begun, by file: the button "Try again" goes on with them. */
const begun = new WeakMap();

/**
 * Uploads a file and returns what the server accepted: {job_id, ...}.
 * `onProgress(fraction)` from 0 to 1; `onWait(seconds, error)` before another try, without an error if a part of it is there.
 */
export async function uploadInPieces(file, options, { signal, onProgress, onWait }) {
  try {
    let { upload_id: id, offset } = await resumed(file, signal);
    for (let tries = 1; offset < file.size; ) {
      try {
        await sendPiece(id, file, offset, signal, onProgress);
        offset = Math.min(file.size, offset + PIECE_BYTES);
        tries = 1;
      } catch (error) {
        const before = offset;
        offset = await offsetAfter(error, id, tries, { signal, onWait });
        tries = offset > before ? 1 : tries + 1;
      }
    }
    onProgress(1);
    const chosen = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ""));
    return await askJson("/v1/process/async", { method: "POST", json: { upload_id: id, ...chosen }, signal, onWait: (error, seconds) => onWait(seconds, error) });
  } catch (error) {
    if (error.name === "AbortError") discard(file);
    throw error;
  }
}

/** The upload of a file that has begun and is still there, else a new one. */
async function resumed(file, signal) {
  if (begun.has(file)) {
    try {
      return await askJson(begun.get(file), { signal });
    } catch (error) {
      if (error.status !== 404 && error.status !== 410) throw error;
    }
  }
  const made = await askJson("/api/v1/documents/upload/init", { method: "POST", json: { filename: file.name, size: file.size }, signal });
  begun.set(file, uploadPath(made.upload_id));
  return made;
}

/** Where to go on after an error that passes; throws any other, and this one after too many tries. */
async function offsetAfter(error, id, tries, { signal, onWait }) {
  const passes = error instanceof ApiError && (error.status === 0 || error.retryable);
  if (!passes || tries >= MOST_TRIES) throw error;
  const seconds = Math.max(error.retryAfter ? waitSeconds(error) : 0, Math.min(LONGEST_PAUSE_SECONDS, tries));
  onWait(seconds);
  await pause(seconds, signal);
  try {
    return (await askJson(uploadPath(id), { signal })).offset;
  } catch (later) {
    return offsetAfter(later, id, tries + 1, { signal, onWait });
  }
}

function sendPiece(id, file, offset, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", uploadPath(id));
    request.responseType = "json";
    for (const [name, value] of Object.entries({ ...TUS, "Upload-Offset": offset, "Content-Type": "application/offset+octet-stream" })) request.setRequestHeader(name, value);
    if (adminToken()) request.setRequestHeader("Authorization", `Bearer ${adminToken()}`);
    // Not quite 1: the last piece is stored only when its answer is here.
    request.upload.addEventListener("progress", (event) => onProgress(Math.min(0.999, (offset + event.loaded) / file.size)));
    request.addEventListener("load", () => {
      if (request.status === 204) resolve();
      else reject(problem(request.status, request.response, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("Stopped", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(file.slice(offset, offset + PIECE_BYTES));
  });
}

/** Deletes what has come of a file whose upload was stopped. If that fails, it expires. */
function discard(file) {
  if (begun.has(file)) fetch(begun.get(file), { method: "DELETE", headers: TUS, keepalive: true }).catch(() => {});
  begun.delete(file);
}

function uploadPath(id) {
  return `/v1/uploads/${encodeURIComponent(id)}`;
}
