// Page images, fetched when they are shown and kept for a while.

import { client } from "./api.js";

const MOST = 12;

export class Pictures {
  constructor() {
    this.kept = new Map();
  }

  /** An address of the page image for an <img>. Retries while the server is still drawing. Throws ApiError. */
  async get(path, signal) {
    const kept = this.kept.get(path);
    if (kept) {
      this.kept.delete(path);
      this.kept.set(path, kept);
      return kept;
    }
    const address = URL.createObjectURL(await client.image(path, { signal }));
    this.drop(path);
    this.kept.set(path, address);
    if (this.kept.size > MOST) this.drop(this.kept.keys().next().value);
    return address;
  }

  drop(path) {
    if (this.kept.has(path)) URL.revokeObjectURL(this.kept.get(path));
    this.kept.delete(path);
  }

  clear() {
    for (const path of [...this.kept.keys()]) this.drop(path);
  }
}
