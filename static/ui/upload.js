// What is sent: one document, several as one batch, or an address that the server fetches.

import { client } from "./api.js";
import { Link } from "./link.js";
import { paths } from "./memory.js";

/**
 * Sends files or a link and returns what the server accepted: {job_id, ...} or {batch_id, ...}.
 * `onProgress(fraction)` from 0 to 1; `onWait({error, seconds, resumes})` before another attempt.
 */
export function upload(sent, options, { signal, onProgress, onWait }) {
  const call = { signal, onWait, onProgress: ({ sent: bytes, total }) => onProgress(total ? bytes / total : 1) };
  if (sent instanceof Link) return client.submitLink(sent.address, options, call);
  if (sent.length === 1) return client.submit(sent[0], options, call);
  // A file of a folder is sent with its path, which the batch shows.
  return client.submitBatch(sent.map((file) => ({ content: file, filename: paths.get(file) ?? file.name })), options, call);
}
