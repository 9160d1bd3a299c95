// When a request is sent again, and after which pause.

import { ApiError } from "./errors.js";

const FIRST_PAUSE_SECONDS = 0.5;
const LONGEST_PAUSE_SECONDS = 8;
/** A server that asks for a longer pause than this gets no further request: the error is the caller's, with its `retryAfter`. */
const LONGEST_WAIT_SECONDS = 60;
/** Statuses of a proxy while the service behind it restarts. */
const GATEWAY = new Set([502, 504]);

/**
 * Whether the server did nothing and the request should be repeated soon. A quota that is used up lasts for hours, and more files than
 * are allowed at once never fit.
 * @param {ApiError} error
 */
export function isBusy(error) {
  if (error.code === "QUOTA_EXCEEDED" || error.details.wanted > error.details.limit) return false;
  return error.status === 429 || error.status === 503;
}

/**
 * Whether it is unknown what became of the request.
 * @param {ApiError} error
 */
export function isLost(error) {
  return error.code === "SERVER_UNREACHABLE" || GATEWAY.has(error.status);
}

/**
 * The seconds before another attempt, the first after attempt 1; null if the server asks for more than anybody should wait.
 * @param {ApiError} error
 * @param {number} attempt
 */
export function pauseSeconds(error, attempt) {
  const asked = error.retryAfter ?? 0;
  if (asked > LONGEST_WAIT_SECONDS) return null;
  return Math.max(asked, Math.min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)));
}

/**
 * Waits. Rejects with the signal's reason if that aborts it.
 * @param {number} seconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    return signal?.addEventListener("abort", stop, { once: true });
  });
}
