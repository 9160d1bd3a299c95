// What a request can end with: the service's own errors, and those of the way to it.

/** @typedef {import("./types.js").ErrorCode} ErrorCode */

/** The service refused a request, a job failed, or no answer came that is one. */
export class ApiError extends Error {
  /**
   * `status` is the HTTP status, 0 without an answer; `retryAfter` the seconds that the service asks to wait, if it does.
   * @param {{code: string, message: string, details?: Record<string, any>, retryable?: boolean}} problem
   * @param {{status?: number, retryAfter?: number | null, requestId?: string, cause?: unknown}} [answer]
   */
  constructor({ code, message, details = {}, retryable = false }, { status = 0, retryAfter = null, requestId = "", cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ApiError";
    /** @type {ErrorCode | (string & {})} */
    this.code = code;
    /** @type {Record<string, any>} Facts that a program can use. */
    this.details = details;
    /** Whether the same request may succeed later. */
    this.retryable = retryable;
    this.status = status;
    this.retryAfter = retryAfter;
    /** The id under which the service's log has the request. */
    this.requestId = requestId;
  }
}

/**
 * The error for a request without an answer.
 * @param {unknown} [cause]
 */
export function unreachable(cause) {
  return new ApiError({ code: "SERVER_UNREACHABLE", message: "The server does not answer. Check that it runs.", retryable: true }, { cause });
}

/** The error for an answer that is not the service's. */
export function unexpected() {
  return new ApiError({ code: "UNEXPECTED_ANSWER", message: "The answer does not come from this service. Check the address." });
}

/**
 * The error for a failed response, whatever its body is.
 * @param {Response} answer
 */
export async function problemOf(answer) {
  const body = await jsonOf(answer);
  const told = body?.error;
  const problem = typeof told?.message === "string" && typeof told.code === "string" ? told : { code: `HTTP_${answer.status}`, message: `The server answered ${answer.status}.` };
  const requestId = body?.request_id ?? answer.headers.get("X-Request-ID") ?? "";
  return new ApiError(problem, { status: answer.status, retryAfter: secondsOf(answer.headers.get("Retry-After")), requestId });
}

/**
 * The body of a response, null if it is no JSON. Throws what fetch throws if the connection breaks.
 * @param {Response} answer
 * @returns {Promise<any>}
 */
export async function jsonOf(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * The seconds of a Retry-After header, which is a number or a date.
 * @param {string | null} header
 */
function secondsOf(header) {
  if (!header) return null;
  const number = Number(header);
  if (Number.isFinite(number)) return Math.max(0, number);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, (date - Date.now()) / 1000);
}
