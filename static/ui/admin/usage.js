// What was used: pages over time, by engine and by key, and everything as CSV for a bill.

import { client } from "../api.js";
import { writeCsv } from "../csv.js";
import { byId, el, fill } from "../dom.js";
import { saveText } from "../downloads.js";
import { tileKind } from "../ledger.js";
import { notice, trouble } from "../notices.js";
import { bytes, count, duration, ENGINES } from "../words.js";
import { dayBefore, Filters, queryOf } from "./address.js";
import { shareBar, timeChart } from "./charts.js";
import { figures, named, records, whole } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

const DAYS = 30;
const MOST_DAYS = 120;
const DAY_MILLISECONDS = 86_400_000;
const MOST_KEYS = 50;
const COLUMNS = ["owner", "day", "key_id", "engine", "documents", "pages", "bytes", "seconds", "tokens", "extractions"];

export class UsageSection {
  constructor(again) {
    this.filters = new Filters(byId("usage-filters"), "usage", again, () => ({ since: dayBefore(DAYS - 1), until: dayBefore(0) }));
    byId("usage-csv").addEventListener("click", () => this.#download().catch(trouble));
  }

  open(asked) {
    this.filters.show(asked);
    return this.#load();
  }

  close() {
    this.turn?.abort();
  }

  async #load() {
    this.turn?.abort();
    const { signal } = (this.turn = new AbortController());
    const place = byId("usage-charts");
    fill(place, loading("usage"));
    try {
      const [byDay, byKey, { keys }] = await Promise.all([client.askJson(this.#path("day,engine"), { signal }), client.askJson(this.#path("owner,key"), { signal }), client.askJson("/v1/keys", { signal })]);
      if (!signal.aborted) fill(place, ...this.#charts(byDay, byKey, new Map(keys.map((key) => [key.id, key]))));
    } catch (error) {
      if (!signal.aborted) fill(place, notLoaded(error, "usage", () => this.#load()));
    }
  }

  #path(by) {
    const { owner, ...days } = this.filters.values;
    return `/v1/usage?${queryOf({ by, owner: owner || "*", ...days })}`;
  }

  #charts({ usage, total }, { usage: byKey }, keys) {
    if (!total.pages && !total.documents) return [nothing("Nothing was read", "No page was read in this time. Choose other days, or another owner.")];
    const engines = enginesOf(usage);
    return [
      figures([["Documents", whole(total.documents)], ["Pages", whole(total.pages)], ["Size", bytes(total.bytes)], ["Time of engines", duration(total.seconds)], ["Tokens of models", whole(total.tokens)], ["Extractions", whole(total.extractions)]]),
      this.#overTime(usage, engines),
      breakdown("By engine", engines.map((one) => ({ ...one, name: one.title })), total.pages),
      breakdown("By key", byKey.toSorted((one, other) => other.pages - one.pages).slice(0, MOST_KEYS).map((one) => ({ ...one, ...keyNames(one, keys) })), total.pages, byKey.length > MOST_KEYS ? `The ${MOST_KEYS} keys with most pages; the CSV has all.` : ""),
    ];
  }

  #overTime(usage, engines) {
    const { first, last, isLong } = span(this.filters.values, usage.map(({ day }) => day).sort());
    const buckets = new Map(timesBetween(first, last, isLong).map((name) => [name, {}]));
    for (const { day, engine, pages } of usage) {
      const values = buckets.get(isLong ? day.slice(0, 7) : day);
      if (values) values[engine] = (values[engine] ?? 0) + pages;
    }
    const points = [...buckets].map(([name, values]) => ({ name, says: shortDate(name), values }));
    const most = points.reduce((best, point) => (pagesOf(point) > pagesOf(best) ? point : best), points[0]);
    const title = isLong ? "Pages a month" : "Pages a day";
    const summary = `${count(points.reduce((sum, point) => sum + pagesOf(point), 0), "page")} from ${first} to ${last}; most of them ${isLong ? "in" : "on"} ${most.name}: ${whole(pagesOf(most))}.`;
    return timeChart({ title, unit: "pages", points, series: engines.filter(({ pages }) => pages > 0).map(({ engine, title: name, kind }) => ({ name: engine, title: name, kind })), summary });
  }

  async #download() {
    const { usage } = await client.askJson(this.#path("owner,day,key,engine"));
    if (!usage.length) return notice("There is nothing to download: nothing was read in this time.");
    const { since, until } = this.filters.values;
    saveText(writeCsv([COLUMNS.map((name) => (name === "key_id" ? "key" : name)), ...usage.map((line) => COLUMNS.map((name) => line[name]))]), `usage-${since || "begin"}-${until || "now"}.csv`, "text/csv;charset=utf-8");
    return notice("The CSV is saved.");
  }
}

/** A table with a bar in each row, which is the chart. */
function breakdown(title, rows, all, note = "") {
  const share = ({ pages }) => (all ? Math.max(0, pages) / all : 0);
  const table = records(title, [
    { title: title.replace("By ", "").replace(/^./, (letter) => letter.toUpperCase()), cell: ({ name, below }) => named(name, below ?? "") },
    { title: "Pages", kind: "number", cell: ({ pages }) => whole(pages) },
    { title: "Share", kind: "share", cell: (one) => [shareBar(share(one), one.kind), el("span", {}, `${Math.round(100 * share(one))} %`)] },
    { title: "Documents", kind: "number", cell: ({ documents }) => whole(documents) },
    { title: "Size", kind: "number", cell: ({ bytes: size }) => (size ? bytes(size) : "–") },
    { title: "Time", kind: "number", cell: ({ seconds }) => (seconds ? duration(seconds) : "–") },
    { title: "Tokens", kind: "number", cell: ({ tokens }) => (tokens ? whole(tokens) : "–") },
  ], rows);
  return el("section", { class: "block", "aria-label": title }, el("h2", {}, title), note && el("p", { class: "hint" }, note), table);
}

/** Usage by engine, the one with most pages first. */
function enginesOf(usage) {
  const found = new Map();
  for (const line of usage) {
    const sum = found.get(line.engine) ?? { engine: line.engine, documents: 0, pages: 0, bytes: 0, seconds: 0, tokens: 0 };
    for (const name of ["documents", "pages", "bytes", "seconds", "tokens"]) sum[name] += line[name];
    found.set(line.engine, sum);
  }
  return [...found.values()].sort((one, other) => other.pages - one.pages).map((one) => ({ ...one, title: ENGINES[one.engine] ?? "No engine", below: one.engine === "none" ? "Documents, their size, and blank pages" : "", kind: kindOf(one.engine) }));
}

function kindOf(engine) {
  return engine === "none" ? "none" : tileKind({ state: "done", engine, warnings: [] });
}

function keyNames({ owner, key_id: id }, keys) {
  if (!id) return { name: owner || "Deleted owners", below: owner ? "without a key" : "" };
  const key = keys.get(id);
  return { name: key?.name ?? id, below: [owner, key && `${key.hint}…`].filter(Boolean).join(" · ") };
}

/** The days that a chart shows. Of a long time it shows what begins with the first use; nothing was used after today. */
function span({ since, until }, used) {
  const last = [until || dayBefore(0), [dayBefore(0), used.at(-1)].sort().at(-1)].sort()[0];
  const isLong = (first) => (Date.parse(last) - Date.parse(first)) / DAY_MILLISECONDS > MOST_DAYS;
  const first = !since || isLong(since) ? used[0] : since;
  return { first, last, isLong: isLong(first) };
}

function timesBetween(first, last, byMonth) {
  const found = new Set();
  for (let at = Date.parse(first); at <= Date.parse(last); at += DAY_MILLISECONDS) found.add(new Date(at).toISOString().slice(0, byMonth ? 7 : 10));
  return [...found];
}

function shortDate(name) {
  const byMonth = name.length === 7;
  return new Date(byMonth ? `${name}-01` : name).toLocaleDateString("en", { timeZone: "UTC", month: "short", ...(byMonth ? { year: "numeric" } : { day: "numeric" }) });
}

function pagesOf({ values }) {
  return Object.values(values).reduce((sum, value) => sum + value, 0);
}
