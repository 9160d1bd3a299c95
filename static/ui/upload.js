// The upload of one file, with progress; a large one goes in pieces. XMLHttpRequest reports how much of a body was sent, fetch does not.

import { ApiError, busy, pause, problem, unreachable, waitSeconds } from "./api.js";
import { adminToken } from "./memory.js";
import { RESUMABLE_BYTES, uploadInPieces } from "./resumable.js";

const MOST_TRIES = 6;

/**
 * Uploads a file and returns what the server accepted: {job_id, ...}.
 * `onProgress(fraction)` from 0 to 1; `onWait(seconds, begun)` if the server is busy and asks for a retry, or an upload in pieces that has begun was interrupted.
 */
export async function upload(file, options, { signal, onProgress, onWait }) {
  if (file.size > RESUMABLE_BYTES) return uploadInPieces(file, options, { signal, onProgress, onWait });
  for (let tries = 1; ; tries += 1) {
    try {
      return await post(file, options, signal, onProgress);
    } catch (error) {
      if (!(error instanceof ApiError) || !busy(error) || tries >= MOST_TRIES) throw error;
      onWait(waitSeconds(error));
      await pause(waitSeconds(error), signal);
    }
  }
}

function post(file, options, signal, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/v1/process/async");
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    if (adminToken()) request.setRequestHeader("Authorization", `Bearer ${adminToken()}`);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onProgress(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status < 300 && request.response?.job_id) resolve(request.response);
      else reject(problem(request.status, request.response, request.getResponseHeader("Retry-After")));
    });
    request.addEventListener("error", () => reject(unreachable()));
    request.addEventListener("abort", () => reject(new DOMException("Stopped", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(formOf(file, options));
  });
}

function formOf(file, options) {
  const form = new FormData();
  // Options first, so that a server can check them before it has the whole file.
  for (const [name, value] of Object.entries(options)) if (value !== "") form.append(name, value);
  form.append("file", file, file.name);
  return form;
}
