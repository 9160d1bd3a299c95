// Requests to the service. Every failure is an ApiError with a code and a message; Retry-After is honoured.

import { byId } from "./dom.js";
import { explain } from "./failure.js";
import { adminToken } from "./memory.js";
import { notice } from "./notices.js";
import { count } from "./words.js";

/** A login that has ended: the page asks for another one. */
const LOGGED_OUT = new Set(["KEY_REQUIRED", "KEY_EXPIRED", "KEY_REVOKED"]);
const MOST_TRIES = 6;
const LONGEST_WAIT_SECONDS = 60;

/** Whether the login is about to end: what is asked from then on would be refused. */
let leaving = false;

export class ApiError extends Error {
  constructor({ code, message, details = {}, retryable = false }, status = 0, retryAfter = null) {
    super(message);
    Object.assign(this, { code, details, retryable, status, retryAfter });
  }
}

export function unreachable() {
  return new ApiError({ code: "SERVER_UNREACHABLE", message: "The server does not answer. Check that it runs.", retryable: true });
}

/** The ApiError for a failed response, whatever its body is. */
export function problem(status, body, retryAfterHeader) {
  const told = body?.error;
  const error = typeof told?.message === "string" ? told : { code: `HTTP_${status}`, message: `The server answered ${status}.` };
  return new ApiError(error, status, seconds(retryAfterHeader));
}

/** Whether the server did nothing and the request should be repeated soon. A quota that is used up lasts for hours, and more files than are allowed at once never fit. */
export function busy(error) {
  if (error.code === "QUOTA_EXCEEDED" || error.details.wanted > error.details.limit) return false;
  return error.status === 429 || error.status === 503;
}

export function waitSeconds(error) {
  return Math.min(LONGEST_WAIT_SECONDS, Math.max(1, error.retryAfter ?? 2));
}

export function pause(secondsToWait, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("Stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, secondsToWait * 1000);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * The response to a request, after retries if the server asks for them.
 * `json` is sent as the body. `patient` also retries after a 409 that allows it; `onWait(error, seconds)` is called before every wait;
 * `tries` bounds the requests: 1 for what must not be done twice, and for what a person waits for.
 * Throws ApiError; AbortError if `signal` aborts it.
 */
export async function ask(path, { method = "GET", json, signal, patient = false, last = false, onWait = sayWhy, tries: most = MOST_TRIES } = {}) {
  for (let tries = 1; ; tries += 1) {
    const answer = await send(path, method, json, signal, last);
    if (answer.ok) return answer;
    const error = problem(answer.status, await jsonOf(answer), answer.headers.get("Retry-After"));
    if (LOGGED_OUT.has(error.code) && byId("log-out")) location.reload();
    const again = busy(error) || (patient && error.status === 409 && error.retryable);
    if (!again || tries >= most) throw error;
    onWait(error, waitSeconds(error));
    await pause(waitSeconds(error), signal);
  }
}

/** The response to the request that ends the login. Nothing else is sent from now on, unless it fails. */
export async function askLast(path, options) {
  leaving = true;
  try {
    return await ask(path, { ...options, last: true });
  } catch (error) {
    leaving = false;
    throw error;
  }
}

/** A tier that allows few requests makes the whole page wait. */
function sayWhy(error, seconds) {
  if (error.code === "RATE_LIMIT_EXCEEDED") notice(`${explain(error)} The page goes on in ${count(Math.ceil(seconds), "second")}.`);
}

export async function askJson(path, options) {
  const answer = await ask(path, options);
  const body = await jsonOf(answer);
  if (body === null) throw new ApiError({ code: "UNEXPECTED_ANSWER", message: "The answer does not come from this service. Check the address." });
  return body;
}

export function jobPath(id, rest = "") {
  return `/v1/jobs/${encodeURIComponent(id)}${rest}`;
}

export function batchPath(id, rest = "") {
  return `/v1/batches/${encodeURIComponent(id)}${rest}`;
}

async function send(path, method, json, signal, last) {
  if (leaving && !last) return new Promise(() => {});
  const token = adminToken();
  const headers = { Accept: "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  try {
    if (json !== undefined) headers["Content-Type"] = "application/json";
    return await fetch(path, { method, headers, body: json === undefined ? undefined : JSON.stringify(json), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw unreachable();
  }
}

async function jsonOf(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

function seconds(header) {
  if (!header) return null;
  const number = Number(header);
  if (Number.isFinite(number)) return number;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : (date - Date.now()) / 1000;
}
