// Server-Sent Events from the body of a response. EventSource sends no Authorization, and Node 20 has none.

/**
 * @typedef {object} ServerSentEvent
 * @property {string} type
 * @property {string} data
 * @property {string} id the last id that the stream has named
 * @property {number | null} retry milliseconds that the stream asks to wait before the next connection
 */

/**
 * The events of a stream, as they come. A field may end in CR, LF or both. `onBytes()` is called for every piece, also of comments.
 * Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 * @param {ReadableStream<Uint8Array>} stream
 * @param {() => void} [onBytes]
 * @returns {AsyncGenerator<ServerSentEvent, void, void>}
 */
export async function* readEvents(stream, onBytes) {
  let [type, id] = ["", ""];
  /** @type {number | null} */
  let retry = null;
  /** @type {string[]} */
  let data = [];
  for await (const line of linesOf(stream, onBytes)) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "data") data.push(value);
    else if (name === "event") type = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) retry = Number(value);
    if (line !== "") continue;
    if (data.length) yield { type: type || "message", data: data.join("\n"), id, retry };
    [type, data] = ["", []];
  }
}

/**
 * The lines of a text, without their ends, and what is behind the last one.
 * @param {ReadableStream<Uint8Array>} stream
 * @param {() => void} [onBytes]
 * @returns {AsyncGenerator<string, void, void>}
 */
export async function* linesOf(stream, onBytes) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      onBytes?.();
      // A CR at the end may be half of a line end: it waits for what follows.
      const lines = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
    if (rest) yield rest;
  } finally {
    await reader.cancel().catch(() => {});
  }
}
