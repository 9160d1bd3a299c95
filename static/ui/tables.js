// Every table of a document with a preview, to copy or to save as CSV.

import { client } from "./api.js";
import { table as gridOf } from "./blocks.js";
import { readCsv } from "./csv.js";
import { el, fill } from "./dom.js";
import { saveText } from "./downloads.js";
import { framed } from "./frames.js";
import { showMore } from "./more.js";
import { copy } from "./notices.js";
import { count } from "./words.js";

const MOST_ROWS = 60;
const MOST_COLUMNS = 40;

export async function showTables(panel, jobId, stem, openPage, signal) {
  const { tables } = await client.result(jobId, "tables", { signal });
  if (signal.aborted) return;
  if (!tables.length) {
    fill(panel, el("div", { class: "empty" }, el("b", {}, "No tables"), "None was found in this document."));
    return;
  }
  const on = new Map();
  const cards = tables.map((table) => {
    on.set(table.page, (on.get(table.page) ?? 0) + 1);
    const label = `${table.caption || "Table"}: number ${on.get(table.page)} of page ${table.page}`;
    return { ...table, label, name: `${stem}-page-${table.page}-table-${on.get(table.page)}.csv` };
  });
  fill(panel, el("p", { class: "hint source-bar" }, `${count(tables.length, "table")} in the whole document`));
  showMore(panel, cards, (table) => card(table, openPage));
}

function card(table, openPage) {
  const button = (name, act) => el("button", { class: "button small", type: "button", on: { click: act } }, name);
  const head = el(
    "header",
    {},
    el("h2", {}, table.caption || "Table", el("span", {}, ` · page ${table.page}`)),
    button("Open page", () => openPage(table.page)),
    button("Copy CSV", () => copy(table.csv, "Table")),
    button("Download CSV", () => saveText(table.csv, table.name, "text/csv;charset=utf-8")),
  );
  return el("section", { class: "table-card", "aria-label": table.label }, head, preview(table));
}

function preview({ csv, label }) {
  const rows = readCsv(csv, MOST_ROWS + 1);
  const shown = rows.slice(0, MOST_ROWS).map((row) => row.slice(0, MOST_COLUMNS));
  const cells = shown.flatMap((line, row) => line.map((text, column) => ({ row, column, text, header: row === 0 })));
  const box = framed(gridOf({ rows: shown.length, cells }), `Preview of ${label}`);
  if (rows.length > MOST_ROWS || rows.some((row) => row.length > MOST_COLUMNS)) box.append(el("p", { class: "hint rest" }, "The rest is in the CSV."));
  return box;
}
