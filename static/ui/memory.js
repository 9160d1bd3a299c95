// What this browser remembers: jobs it sent, the admin token of this tab, files that may have to be sent once more.

const JOBS = "docparse.jobs";
const TOKEN = "docparse.admin-token";
const KEYS = "docparse.single-keys";
const PLACE = "docparse.place";
const MOST_JOBS = 100;

/** Jobs sent from here, newest first: {id, name, options, at}. The password of a document is never kept. */
export function remembered() {
  try {
    const found = JSON.parse(localStorage.getItem(JOBS) ?? "[]");
    return Array.isArray(found) ? found.filter((job) => typeof job?.id === "string") : [];
  } catch {
    return [];
  }
}

export function remember(job) {
  store(localStorage, JOBS, JSON.stringify([job, ...remembered().filter((other) => other.id !== job.id)].slice(0, MOST_JOBS)));
}

export function forget(id) {
  store(localStorage, JOBS, JSON.stringify(remembered().filter((job) => job.id !== id)));
  files.delete(id);
}

export function adminToken() {
  return read(sessionStorage, TOKEN) ?? "";
}

export function keepAdminToken(token) {
  store(sessionStorage, TOKEN, token);
}

/** Keeps what is open on a page while this tab is at the login provider. */
export function keepPlace(page, hash) {
  store(sessionStorage, PLACE, `${page}${hash}`);
}

/** What was open on this page before the login, once; empty if nothing was, or on another page. */
export function takePlace(page) {
  const [kept, hash = ""] = (read(sessionStorage, PLACE) ?? "").split("#");
  store(sessionStorage, PLACE, "");
  return kept === page && hash ? `#${hash}` : "";
}

export function singleKeys() {
  return read(localStorage, KEYS) !== "off";
}

export function keepSingleKeys(on) {
  store(localStorage, KEYS, on ? "on" : "off");
}

/** Files of this visit by job id, for a document that turns out to be locked. */
export const files = new Map();

/** Paths of files that came with a folder. */
export const paths = new WeakMap();

function read(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null; // a browser may forbid storage
  }
}

function store(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch {
    // If storage is full or forbidden, the page works without it.
  }
}
