// A document by its address: the server fetches it.

import { askJson } from "./api.js";

/** What is queued like a File: an address, and the name that it says. */
export class Link {
  constructor(address) {
    this.address = address;
    this.name = nameOf(address);
  }
}

/** Asks the server to fetch a document and returns what it accepted: {job_id, ...}. */
export function sendLink(link, options, { signal, onWait }) {
  const isObject = link.address.startsWith("s3://");
  const json = { [isObject ? "s3_uri" : "url"]: link.address, ...options };
  return askJson(isObject ? "/v1/process/s3" : "/v1/process/url", { method: "POST", json, signal, onWait: (error, seconds) => onWait(seconds, error) });
}

/** The last part of the path, else the host: never the query, which may be a secret. */
function nameOf(address) {
  try {
    const { pathname, hostname } = new URL(address);
    return decodeURIComponent(pathname.split("/").filter(Boolean).at(-1) ?? hostname) || address;
  } catch {
    return address.split("?")[0];
  }
}
