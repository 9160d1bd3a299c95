// A document by its address: the server fetches it.

/** What is queued like a File: an address, and the name that it says. */
export class Link {
  constructor(address) {
    this.address = address;
    this.name = nameOf(address);
  }
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
