// Results: whole, as a stream, in chunks, and where their words stand.

import { ApiError } from "./errors.js";
import { JobMethods } from "./jobs.js";
import { jobPath } from "./requests.js";
import { linesOf } from "./sse.js";

/** @typedef {import("./types.js").OutputFormat} OutputFormat */
/** @typedef {import("./types.js").Result} Result */
/** @typedef {import("./types.js").Chunk} Chunk */
/** @typedef {import("./types.js").ChunkList} ChunkList */
/** @typedef {import("./types.js").Chunking} Chunking */
/** @typedef {import("./types.js").Citation} Citation */
/** @typedef {import("./types.js").Document} Document */
/** @typedef {import("./types.js").Options} Options */
/** @typedef {import("./requests.js").Call} Call */

/** A result as a file, read once: as a stream, or whole. */
export class Download {
  /** @param {Response} answer */
  constructor(answer) {
    if (!answer.body) throw new TypeError("The answer has no body.");
    /** @type {ReadableStream<Uint8Array<ArrayBuffer>>} Fails if the connection breaks: what has come is then not the whole. */
    this.body = answer.body;
    /** @private */
    this.answer = answer;
    const header = (/** @type {string} */ name) => answer.headers.get(name) ?? "";
    this.mediaType = header("Content-Type").split(";")[0]?.trim() ?? "";
    this.filename = nameIn(header("Content-Disposition"));
    /** Lines of page headers and footers that are left out. */
    this.strippedLines = Number(header("X-Stripped-Lines"));
    /** With the format csv: the number of tables. One table is text/csv, several are application/zip. */
    this.tables = Number(header("X-Tables"));
  }

  text() {
    return this.answer.text();
  }

  blob() {
    return this.answer.blob();
  }
}

export class ResultMethods extends JobMethods {
  /**
   * The result with its content in the field that is named after the format, whole in memory. For csv that is `tables`; zip and pdf are downloads.
   * Waits while the format is being written.
   * @param {string} jobId
   * @param {Exclude<OutputFormat, "zip" | "pdf">} [format]
   * @param {Call} [call]
   * @returns {Promise<Result>}
   */
  result(jobId, format, call) {
    return this.askJson(jobPath(jobId, "/result"), { ...call, query: { format }, patient: true });
  }

  /**
   * The result as a file, of any size: `await pipeline(Readable.fromWeb(download.body), createWriteStream(path))`.
   * `table` chooses a table, counted from 1; `archive` asks for the ZIP file regardless of the number of tables.
   * @param {string} jobId
   * @param {OutputFormat} [format]
   * @param {{table?: number, archive?: boolean} & Call} [options]
   */
  async download(jobId, format, { table, archive = false, ...call } = {}) {
    const headers = { Accept: archive ? "application/zip" : "*/*" };
    return new Download(await this.ask(jobPath(jobId, "/download"), { ...call, query: { format, table }, headers, patient: true }));
  }

  /**
   * Sends a document, waits for it and returns it. Throws the error of a job that failed.
   * @param {import("./uploads.js").Content} document
   * @param {Options} [options]
   * @param {import("./uploads.js").Submission & import("./resumable.js").UploadOptions & Call & {onStatus?: (status: import("./types.js").JobStatus) => void}} [call]
   * @returns {Promise<Document>}
   */
  async parse(document, options = {}, { onStatus, ...call } = {}) {
    const { job_id: jobId } = await this.submit(document, { output_format: "json", ...options }, call);
    const status = await this.wait(jobId, { onStatus, signal: call.signal });
    if (status.error) throw new ApiError(status.error);
    const { document: found } = await this.result(jobId, "json", { signal: call.signal });
    return /** @type {Document} */ (found);
  }

  /**
   * The document in chunks, whole in memory. What is not given is as the job was sent with.
   * @param {string} jobId
   * @param {Chunking & Call} [options]
   * @returns {Promise<ChunkList>}
   */
  chunks(jobId, { signal, onWait, ...query } = {}) {
    return this.askJson(jobPath(jobId, "/chunks"), { query, signal, onWait, patient: true });
  }

  /**
   * The chunks of a document of any size, one after another: `for await (const chunk of client.streamChunks(id))`.
   * @param {string} jobId
   * @param {Chunking & Call} [options]
   * @returns {AsyncGenerator<Chunk, void, void>}
   */
  async *streamChunks(jobId, { signal, onWait, ...query } = {}) {
    const answer = await this.ask(jobPath(jobId, "/chunks"), { query, signal, onWait, patient: true, headers: { Accept: "application/x-ndjson" } });
    if (!answer.body) return;
    for await (const line of linesOf(answer.body)) if (line) yield JSON.parse(line);
  }

  /**
   * The pages and boxes of a range of the Markdown, such as the `span` of a chunk.
   * @param {string} jobId
   * @param {{start: number, end: number}} span
   * @param {Call} [call]
   * @returns {Promise<Citation>}
   */
  cite(jobId, { start, end }, call) {
    return this.askJson(jobPath(jobId, "/cite"), { ...call, query: { start, end, format: "json" }, patient: true });
  }

  /**
   * A page of a range of the Markdown as a PNG with the place marked; by default its first page.
   * @param {string} jobId
   * @param {{start: number, end: number, page?: number}} span
   * @param {Call} [call]
   * @returns {Promise<Blob>}
   */
  async citedPage(jobId, { start, end, page }, call) {
    const query = { start, end, page, format: "png" };
    return (await this.ask(jobPath(jobId, "/cite"), { ...call, query, headers: { Accept: "image/png" }, patient: true })).blob();
  }
}

/**
 * The file name of a Content-Disposition (RFC 6266); empty if it has none.
 * @param {string} header
 */
function nameIn(header) {
  const encoded = /filename\*=UTF-8''([^;]+)/i.exec(header)?.[1];
  if (encoded) return decodeURIComponent(encoded);
  return /filename="((?:[^"\\]|\\.)*)"/i.exec(header)?.[1]?.replace(/\\(.)/g, "$1") ?? /filename=([^;\s]+)/i.exec(header)?.[1] ?? "";
}
