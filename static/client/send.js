// One HTTP request with a body whose progress is reported. XMLHttpRequest reports how much of a body was sent, fetch does not.

/** Whether this is a program on a server. Browsers send streams over HTTP/2 only. */
const STREAMS = typeof XMLHttpRequest === "undefined" && "process" in globalThis;

/**
 * Sends a request and returns its response. `onSent(fraction)` from 0 to 1 is called as the body goes out.
 * Throws what fetch throws: a TypeError if no response comes, the signal's reason if that aborts it.
 * @param {typeof fetch} fetch
 * @param {string} url
 * @param {{method: string, headers: Record<string, string>, body: FormData | Blob, signal?: AbortSignal, onSent: (fraction: number) => void}} request
 * @returns {Promise<Response>}
 */
export function send(fetch, url, { onSent, ...request }) {
  if (typeof XMLHttpRequest !== "undefined") return sendByXhr(url, { onSent, ...request });
  if (!STREAMS) return fetch(url, request);
  const { body, headers } = request;
  const encoded = new Response(body);
  const size = sizeOf(body);
  let sent = 0;
  const counter = new TransformStream({
    transform(/** @type {Uint8Array} */ piece, controller) {
      sent += piece.byteLength;
      onSent(Math.min(1, sent / size));
      controller.enqueue(piece);
    },
  });
  const type = headers["Content-Type"] ?? encoded.headers.get("Content-Type");
  const stream = /** @type {ReadableStream<Uint8Array>} */ (encoded.body).pipeThrough(counter);
  const options = { ...request, body: stream, headers: { ...headers, ...(type ? { "Content-Type": type } : {}) }, duplex: "half" };
  return fetch(url, /** @type {RequestInit} */ (options));
}

/**
 * The bytes of a body, without the frame of a form.
 * @param {FormData | Blob} body
 */
function sizeOf(body) {
  if (body instanceof Blob) return Math.max(1, body.size);
  let size = 1;
  for (const [, value] of body) size += typeof value === "string" ? value.length : value.size;
  return size;
}

/**
 * @param {string} url
 * @param {{method: string, headers: Record<string, string>, body: FormData | Blob, signal?: AbortSignal, onSent: (fraction: number) => void}} request
 * @returns {Promise<Response>}
 */
function sendByXhr(url, { method, headers, body, signal, onSent }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => event.lengthComputable && onSent(event.loaded / event.total));
    request.addEventListener("load", () => resolve(responseOf(request)));
    request.addEventListener("error", () => reject(new TypeError("The request failed.")));
    request.addEventListener("abort", () => reject(signal?.reason));
    request.addEventListener("loadend", () => signal?.removeEventListener("abort", stop));
    signal?.addEventListener("abort", stop, { once: true });
    return request.send(body);
  });
}

/** @param {XMLHttpRequest} request */
function responseOf(request) {
  const lines = request.getAllResponseHeaders().trim().split(/\r?\n/).filter(Boolean);
  const headers = new Headers(lines.map((line) => /** @type {[string, string]} */ ([line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()])));
  return new Response(request.status === 204 ? null : request.responseText, { status: request.status, headers });
}
