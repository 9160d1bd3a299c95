// What is known of a job's pages. Events only write here, up to a thousand a second; views read it when they draw.

import { HARMLESS } from "./words.js";

/** A page that a cancelled job left unread may still finish if an engine had begun it. */
const RANK = { pending: 0, ready: 0, reading: 1, unread: 1.5, done: 2, blank: 2, failed: 2 };
const CPU = new Set(["rapidocr", "tesseract", "cpu"]);

export class Ledger {
  constructor() {
    this.pages = [];
    this.places = new Map();
    this.loads = 0;
  }

  /** Takes the entries of /pages; `cancelled` is whether the job was cancelled. Newer facts from events are kept. */
  load(entries, cancelled = false) {
    this.loads += 1;
    const before = this.pages;
    const places = this.places;
    this.pages = entries.map((told) => {
      const entry = cancelled ? { ...told, state: endState(told.state) } : told;
      const known = before[places.get(entry.number)];
      const kept = known && RANK[known.state] > RANK[entry.state];
      const since = known && (kept || known.state === entry.state) ? known.since : 0;
      return { ...(kept ? known : entry), number: entry.number, since };
    });
    this.places = new Map(this.pages.map((page, place) => [page.number, place]));
  }

  get(number) {
    return this.pages[this.places.get(number)];
  }

  /** Records the facts of an event. Returns whether they were new: replays and late events change nothing. */
  note(number, facts) {
    const page = this.get(number);
    if (!page || RANK[facts.state] <= RANK[page.state]) return false;
    Object.assign(page, facts, { since: performance.now() });
    return true;
  }

  get finished() {
    return this.pages.reduce((sum, page) => sum + (RANK[page.state] === 2), 0);
  }

  /** How many pages of each tile kind, and how many are flagged. */
  get counts() {
    const found = {};
    for (const page of this.pages) {
      const kind = tileKind(page);
      found[kind] = (found[kind] ?? 0) + 1;
      if (isFlagged(page)) found.flagged = (found.flagged ?? 0) + 1;
    }
    return found;
  }

  /** Pages that a person should check: failed or flagged. */
  get issues() {
    return this.pages.filter((page) => page.state === "failed" || isFlagged(page));
  }

  /** The page number that is a number of places after another one, kept within the job. */
  step(number, by) {
    const place = (this.places.get(number) ?? 0) + by;
    return this.pages[Math.min(this.pages.length - 1, Math.max(0, place))]?.number;
  }
}

/** The state of a page of a cancelled job: what has not been read will not be. */
export function endState(state) {
  return RANK[state] < RANK.unread ? "unread" : state;
}

/** What a tile shows: an engine, an outcome, or that the page is not read yet. */
export function tileKind(page) {
  if (page.state === "done") return CPU.has(page.engine) ? "cpu" : page.engine || "cpu";
  return page.state === "ready" ? "pending" : page.state;
}

export function isFlagged(page) {
  return (page.state === "done" || page.state === "blank") && page.warnings.some((code) => !HARMLESS.has(code));
}
