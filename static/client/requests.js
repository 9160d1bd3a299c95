// Requests to one service, sent again where that helps and does no harm.

import { ApiError, jsonOf, problemOf, unexpected, unreachable } from "./errors.js";
import { isBusy, isLost, pause, pauseSeconds } from "./retries.js";
import { send } from "./send.js";

/** Seconds without the head of a response after which a request is given up. */
const TIMEOUT_SECONDS = 60;
const ATTEMPTS = 6;

/**
 * @typedef {object} Waiting What is told before a request is sent again.
 * @property {ApiError} error why
 * @property {number} seconds the pause
 * @property {boolean} resumes whether a part of an upload is there already
 */

/**
 * @typedef {object} ClientOptions
 * @property {string} [baseUrl] the address of the service, as in http://127.0.0.1:1233; by default that of the page
 * @property {string | (() => string)} [token] an API key, a token of the login provider or the operator's token
 * @property {typeof globalThis.fetch} [fetch] sends requests; by default the one of the browser or of Node
 * @property {number} [attempts] how often a request is sent at most while the server is busy
 * @property {number} [lostAttempts] how often one is sent at most to which no answer comes, if a repetition does no harm
 * @property {(waiting: Waiting) => void} [onWait] called before a pause, unless the call has its own
 * @property {(error: ApiError) => void} [onError] called with each error of the service
 */

/**
 * @typedef {object} Call What every method takes.
 * @property {AbortSignal} [signal] ends the call; it rejects with the signal's reason
 * @property {(waiting: Waiting) => void} [onWait] called before a pause
 * @property {number} [attempts] how often the request is sent at most: 1 for what a person waits for
 */

/**
 * @typedef {object} RequestFields
 * @property {string} [method]
 * @property {Record<string, any>} [query] fields without a value are left out
 * @property {any} [json] sent as the body
 * @property {FormData | Blob} [body]
 * @property {Record<string, string>} [headers]
 * @property {boolean} [patient] also repeats after a 409 that allows it: a format is being written, a picture is being drawn
 * @property {boolean} [repeatable] whether it does no harm to send the request twice; true of GET and of a request with an Idempotency-Key
 * @property {boolean} [mayBeDown] takes a 503 for the answer, as of a health check
 * @property {number} [serverWaits] seconds that the server itself may wait before it answers
 * @property {(fraction: number) => void} [onSent] called as the body goes out
 */

export class Requests {
  /** @param {ClientOptions} [options] */
  constructor({ baseUrl = "", token = "", fetch, attempts = ATTEMPTS, lostAttempts = ATTEMPTS, onWait, onError } = {}) {
    if (baseUrl && !/^https?:\/\/[^/]/i.test(baseUrl)) throw new TypeError("The server's address must have the form http://host:port.");
    this.baseUrl = baseUrl.replace(/\/+$/, "");
    /** @private */
    this.token = token;
    /** @private */
    this.fetch = fetch ?? ((/** @type {Parameters<typeof globalThis.fetch>} */ ...request) => globalThis.fetch(...request));
    /** @private */
    this.attempts = attempts;
    /** @private */
    this.lostAttempts = lostAttempts;
    /** @private */
    this.onWait = onWait;
    /** @private */
    this.onError = onError;
    /** @private */
    this.hasAnswered = false;
  }

  /**
   * The address of a path of the service, with the fields of a query that have a value.
   * @param {string} path
   * @param {Record<string, any>} [query]
   */
  url(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    if (!given.length) return this.baseUrl + path;
    const fields = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    return `${this.baseUrl}${path}${path.includes("?") ? "&" : "?"}${fields}`;
  }

  /**
   * The response to a request, after the attempts that the server asks for. Throws ApiError, or the signal's reason.
   * @param {string} path
   * @param {RequestFields & Call} [request]
   * @returns {Promise<Response>}
   */
  ask(path, request = {}) {
    return this.#repeat(path, request, (answer) => answer);
  }

  /**
   * The JSON body of the response to a request. Throws ApiError, or the signal's reason.
   * @param {string} path
   * @param {RequestFields & Call} [request]
   * @returns {Promise<any>}
   */
  async askJson(path, request = {}) {
    const body = await this.#repeat(path, request, jsonOf);
    if (body === null) throw unexpected();
    return body;
  }

  /**
   * What `take` makes of the response to a request, after the attempts that the server asks for.
   * @template T
   * @param {string} path
   * @param {RequestFields & Call} request
   * @param {(answer: Response) => T | Promise<T>} take
   * @returns {Promise<T>}
   */
  async #repeat(path, request, take) {
    const { method = "GET", signal, patient = false, attempts = this.attempts, onWait = this.onWait } = request;
    const repeatable = request.repeatable ?? (method === "GET" || method === "HEAD" || "Idempotency-Key" in (request.headers ?? {}));
    for (let attempt = 1; ; attempt += 1) {
      const found = await this.#attempt(path, method, request, take);
      if (!(found instanceof ApiError)) return found;
      this.onError?.(found);
      const isRepeatedIfLost = repeatable && this.hasAnswered && isLost(found);
      const again = isBusy(found) || (patient && found.status === 409 && found.retryable) || isRepeatedIfLost;
      const most = isRepeatedIfLost ? Math.min(attempts, this.lostAttempts) : attempts;
      const seconds = again && attempt < most ? pauseSeconds(found, attempt) : null;
      if (seconds === null) throw found;
      onWait?.({ error: found, seconds, resumes: false });
      await pause(seconds, signal);
    }
  }

  /**
   * @template T
   * @param {string} path
   * @param {string} method
   * @param {RequestFields & Call} request
   * @param {(answer: Response) => T | Promise<T>} take
   * @returns {Promise<T | ApiError>}
   */
  async #attempt(path, method, request, take) {
    const { signal } = request;
    signal?.throwIfAborted();
    try {
      const answer = await this.#send(path, method, request);
      this.hasAnswered = true;
      return answer.ok || (request.mayBeDown && answer.status === 503) ? await take(answer) : await problemOf(answer);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return unreachable(error);
    }
  }

  /**
   * @param {string} path
   * @param {string} method
   * @param {RequestFields & Call} request
   * @returns {Promise<Response>}
   */
  async #send(path, method, { query, json, body, headers = {}, signal, serverWaits = 0, onSent }) {
    const token = typeof this.token === "function" ? this.token() : this.token;
    const sent = { Accept: "application/json", ...(token ? { Authorization: `Bearer ${token}` } : {}), ...(json === undefined ? {} : { "Content-Type": "application/json" }), ...headers };
    const address = this.url(path, query);
    if (body) return onSent ? send(this.fetch, address, { method, headers: sent, body, signal, onSent }) : this.fetch(address, { method, headers: sent, body, signal });
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), (TIMEOUT_SECONDS + serverWaits) * 1000);
    try {
      return await this.fetch(address, {
        method,
        headers: sent,
        body: json === undefined ? undefined : JSON.stringify(json),
        signal: signal ? AbortSignal.any([signal, silence.signal]) : silence.signal,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * A path below a job.
 * @param {string} id
 */
export function jobPath(id, rest = "") {
  return `/v1/jobs/${encodeURIComponent(id)}${rest}`;
}

/**
 * A path below a batch.
 * @param {string} id
 */
export function batchPath(id, rest = "") {
  return `/v1/batches/${encodeURIComponent(id)}${rest}`;
}

/** A new Idempotency-Key. `crypto.randomUUID` is missing on pages that came over plain HTTP. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
