// Tables of records: columns on a wide window, one card for each record on a phone. The roles are written out, because
// browsers forget them when style sheets lay a table out in another way.

import { el } from "../dom.js";
import { framed } from "../frames.js";

/**
 * A table in its frame. A column is {title, cell(record), kind}: `cell` returns what its cell holds, the first column names
 * the record, and `kind` is "number", "acts" or nothing. `idOf(record)` names the row, so that the focus can come back to it.
 */
export function records(caption, columns, rows, idOf = () => null) {
  const head = el("tr", { role: "row" }, columns.map(({ title, kind }) => el("th", { scope: "col", role: "columnheader", class: kind }, title)));
  const body = rows.map((one) => el("tr", { role: "row", data: { id: idOf(one) ?? "" } }, columns.map((column, index) => cell(column, one, index === 0))));
  return framed(
    el("table", { class: "records", role: "table" }, el("caption", { class: "unseen" }, caption), el("thead", { role: "rowgroup" }, head), el("tbody", { role: "rowgroup" }, body)),
    caption,
  );
}

function cell({ title, cell: content, kind }, one, isFirst) {
  const holds = content(one);
  const properties = isFirst ? { scope: "row", role: "rowheader", tabindex: "-1" } : { role: "cell" };
  return el(isFirst ? "th" : "td", { ...properties, class: kind, data: { label: title } }, el("div", {}, holds === "" || holds === null || holds === undefined ? "–" : holds));
}

/** A moment in the words of the browser's place; with seconds if it is exact. */
export function moment(time, { isExact = false } = {}) {
  return time && el("time", { datetime: time, title: time }, new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: isExact ? "medium" : "short" }));
}

export function pill([says, tone]) {
  return el("span", { class: "status", data: { tone } }, says);
}

/** A name with a smaller line below it. */
export function named(name, ...below) {
  return [el("b", {}, name), el("small", {}, below.flat())];
}

export function whole(number) {
  return number.toLocaleString("en");
}

/** Figures in words beside each other: [name, value] each. */
export function figures(pairs) {
  return el("dl", { class: "figures" }, pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}
