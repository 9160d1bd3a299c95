// What happens to a job or a batch, as it happens: from its event stream, or by asking where no stream gets through.

import { ApiError, unreachable } from "./errors.js";
import { pause } from "./retries.js";
import { readEvents } from "./sse.js";

/** Connections in a row that bring no event, after which the state is asked for. */
const MOST_FAILURES = 3;
const RETRY_MILLISECONDS = 2000;
/** A stream that is silent for longer is dead: the service sends a heartbeat every EVENTS_HEARTBEAT_SECONDS, 15 by default. */
const SILENCE_SECONDS = 60;
const ASK_SECONDS = 2;
const SLOWEST_ASK_SECONDS = 15;
/** Errors that no waiting mends. */
const FINAL = new Set([400, 401, 403, 404, 410, 422]);

/**
 * @typedef {object} Event
 * @property {string} type as docs/api.md lists them: `status`, `page.completed`, `job.completed`
 * @property {any} data the body of the status for `status`; else the facts of the event
 * @property {string} id that of the last event of which the stream has named one: `lastEventId` goes on behind it; empty if there is none
 * @property {boolean} polled whether it comes from asking, because no stream gets through: only `status` comes then
 */

/**
 * @typedef {object} Following
 * @property {string} [lastEventId] begins behind this event
 * @property {AbortSignal} [signal] ends it: it rejects with the signal's reason
 * @property {(error: ApiError) => void} [onTrouble] called with an error after which it goes on by itself
 */

/**
 * What is followed.
 * @template Status
 * @typedef {object} Subject
 * @property {string} events path of its stream
 * @property {string} status path of its status
 * @property {string} deleted kind of the event that says that it is gone
 * @property {(status: Status) => boolean} isAtRest whether nothing of it will change by itself
 */

/**
 * The events of a job or batch until it is at rest or deleted. After a lost connection they go on where they were. If no stream gets
 * through, the status is asked for instead. Throws ApiError if that is refused.
 * @template Status
 * @param {import("./requests.js").Requests} requests
 * @param {Subject<Status>} subject
 * @param {Following} [options]
 * @returns {AsyncGenerator<Event, void, void>}
 */
export async function* follow(requests, subject, { lastEventId = "", signal, onTrouble } = {}) {
  const place = { id: lastEventId, milliseconds: RETRY_MILLISECONDS };
  let rests = false;
  for (let failures = 1; failures <= MOST_FAILURES; failures += 1) {
    let seconds = 0;
    try {
      const stream = await connect(requests, subject.events, place.id, signal);
      if (stream === null) break;
      for await (const event of eventsOf(stream, place)) {
        failures = 0;
        yield event;
        if (event.type === "status") rests = subject.isAtRest(event.data);
        if (event.type === subject.deleted) return;
      }
      if (rests) return;
    } catch (problem) {
      const error = troubleOf(problem, signal);
      onTrouble?.(error);
      seconds = Math.min(SLOWEST_ASK_SECONDS, error.retryAfter ?? 0);
    }
    await pause(Math.max(seconds, place.milliseconds / 1000), signal);
  }
  yield* poll(requests, subject, { signal, onTrouble });
}

/**
 * A connection: its bytes, and what ends it if they stop. Null if the answer is no stream of events.
 * @param {import("./requests.js").Requests} requests
 * @param {string} path
 * @param {string} lastEventId
 * @param {AbortSignal} [signal]
 */
async function connect(requests, path, lastEventId, signal) {
  const silence = new AbortController();
  const headers = { Accept: "text/event-stream", ...(lastEventId ? { "Last-Event-ID": lastEventId } : {}) };
  const both = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
  const answer = await requests.ask(path, { headers, signal: both, attempts: 1 });
  if (answer.body && answer.headers.get("Content-Type")?.startsWith("text/event-stream")) return { body: answer.body, silence };
  await answer.body?.cancel();
  return null;
}

/**
 * @param {{body: ReadableStream<Uint8Array>, silence: AbortController}} stream
 * @param {{id: string, milliseconds: number}} place where the next connection goes on, and after which pause
 * @returns {AsyncGenerator<Event, void, void>}
 */
async function* eventsOf({ body, silence }, place) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const onBytes = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_SECONDS * 1000);
  };
  onBytes();
  try {
    for await (const { type, data, id, retry } of readEvents(body, onBytes)) {
      place.milliseconds = retry ?? place.milliseconds;
      place.id = id || place.id;
      if (data) yield { type, data: JSON.parse(data), id, polled: false };
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @template Status
 * @param {import("./requests.js").Requests} requests
 * @param {Subject<Status>} subject
 * @param {Following} options
 * @returns {AsyncGenerator<Event, void, void>}
 */
async function* poll(requests, subject, { signal, onTrouble }) {
  for (let seconds = ASK_SECONDS; ; ) {
    try {
      const status = await requests.askJson(subject.status, { signal });
      yield { type: "status", data: status, id: "", polled: true };
      if (subject.isAtRest(status)) return;
      seconds = ASK_SECONDS;
    } catch (problem) {
      onTrouble?.(troubleOf(problem, signal));
      seconds = Math.min(SLOWEST_ASK_SECONDS, seconds * 2);
    }
    await pause(seconds, signal);
  }
}

/**
 * The error of a connection that may be tried again; throws any other.
 * @param {unknown} problem
 * @param {AbortSignal} [signal]
 */
function troubleOf(problem, signal) {
  if (signal?.aborted) throw signal.reason;
  const error = problem instanceof ApiError ? problem : unreachable(problem);
  if (FINAL.has(error.status)) throw error;
  return error;
}
