// The upload of one file, with progress; a large one goes in pieces. XMLHttpRequest reports how much of a body was sent, fetch does not.

import { ApiError, busy, pause, problem, unreachable, waitSeconds } from "./api.js";
import { adminToken, paths } from "./memory.js";
import { RESUMABLE_BYTES, uploadInPieces } from "./resumable.js";

const MOST_TRIES = 6;

/**
 * Uploads a file, or several as one batch, and returns what the server accepted: {job_id, ...} or {batch_id, ...}.
 * `onProgress(fraction)` from 0 to 1; `onWait(seconds, error)` if the server asks for a retry, without an error if an upload in pieces that has begun was interrupted.
 */
export async function upload(files, options, { signal, onProgress, onWait }) {
  if (files.length === 1 && files[0].size > RESUMABLE_BYTES) return uploadInPieces(files[0], options, { signal, onProgress, onWait });
  for (let tries = 1; ; tries += 1) {
    try {
      return await post(files, options, signal, onProgress);
    } catch (error) {
      if (!(error instanceof ApiError) || !busy(error) || tries >= MOST_TRIES) throw error;
      onWait(waitSeconds(error), error);
      await pause(waitSeconds(error), signal);
    }
  }
}

function post(files, options, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", files.length > 1 ? "/v1/process/batch" : "/v1/process/async");
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    if (adminToken()) request.setRequestHeader("Authorization", `Bearer ${adminToken()}`);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status < 300 && (request.response?.job_id || request.response?.batch_id)) resolve(request.response);
      else reject(problem(request.status, request.response, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("Stopped", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(formOf(files, options));
  });
}

function formOf(files, options) {
  const form = new FormData();
  // Options first, so that a server can check them before it has the whole file.
  for (const [name, value] of Object.entries(options)) if (value !== "") form.append(name, value);
  // A file of a folder is sent with its path, which the batch shows.
  if (files.length > 1) for (const file of files) form.append("files", file, paths.get(file) ?? file.name);
  else form.append("file", files[0], files[0].name);
  return form;
}
