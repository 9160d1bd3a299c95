// A page's blocks as elements. Text goes in as text: a document that contains markup shows its markup.

import { cellClasses, keepWords } from "./cell_words.js";
import { el } from "./dom.js";
import { framed } from "./frames.js";
import { inline, lines } from "./inline.js";
import { styled } from "./spans.js";

const MOST_BLOCKS = 1500;
const MOST_CELLS = 4000;
const DOUBTFUL = 0.6;
const NUMBERED = /^\s*(\d{1,9})([.)])\s+(?=\S)/;
const BULLET = /^\s*[•◦▪‣∙●○■□·*+–—-]\s+/;
const NUMERIC = /^\s*[-+(−]?\s*[$€£¥]?\s*\d[\d.,'  ]*\s*[%$€£¥)]?\s*$/;
const FURNITURE = new Set(["page_header", "page_footer", "page_number"]);

/**
 * Fills a container with blocks and returns the element of each, by its index. Stars and dollars mark emphasis and formulas
 * only if a model wrote them (`marked`); otherwise they are characters of the page.
 */
export function renderBlocks(container, blocks, { marked = false } = {}) {
  const flow = marked ? inline : lines;
  const elements = [];
  const seen = { rank: 0, tables: 0 };
  let list = null;
  for (const [index, block] of blocks.slice(0, MOST_BLOCKS).entries()) {
    const made = block.kind === "list_item" ? null : element(block, flow, seen);
    if (made) {
      list = null;
      container.append(mark(made, index));
      elements.push(made);
    } else {
      list ??= container.appendChild(el("ul", { dir: "auto" }));
      const item = putItem(list, block, flow);
      list = item.list;
      elements.push(mark(item.element, index));
    }
  }
  if (blocks.length > MOST_BLOCKS) container.append(el("p", { class: "hint" }, `${blocks.length - MOST_BLOCKS} more blocks are in the downloads.`));
  return elements;
}

function mark(made, index) {
  made.classList.add("block");
  made.dataset.block = index;
  made.tabIndex = -1;
  return made;
}

/** `seen` is what came before on the page: the rank of the last heading, and the number of tables. */
function element(block, flow, seen) {
  const text = block.text ?? "";
  const content = () => styled(text, block.spans, flow);
  const doubt = block.confidence !== null && block.confidence !== undefined && block.confidence < DOUBTFUL ? " doubtful" : "";
  switch (block.kind) {
    case "title":
    case "heading": {
      const rank = Math.min(6, Math.max(1, block.level ?? (block.kind === "title" ? 1 : 2)));
      // It is styled by its rank in the document; in the outline it is at most one level deeper, so that the outline has no gaps.
      seen.rank = Math.min(rank, seen.rank + 1);
      return el(`h${Math.min(6, seen.rank + 1)}`, { class: `rank-${rank}${doubt}` }, content());
    }
    case "table":
      return block.table?.cells.length ? el("div", { class: "table" }, framed(table(block.table, flow), `Table ${(seen.tables += 1)} of the page`)) : el("p", {}, content());
    case "figure":
      return el("div", { class: "figure" }, text ? content() : "Figure");
    case "formula":
      return el("div", { class: "formula", "aria-label": "Formula, as LaTeX" }, text);
    case "code":
      return el("pre", {}, el("code", {}, text));
    case "caption":
      return el("p", { class: `caption-block${doubt}` }, content());
    default:
      return el("p", { class: (FURNITURE.has(block.kind) ? "furniture" : block.kind) + doubt }, content());
  }
}

/** Adds an item at its depth, in lists below `list`; returns the element and the list of the outermost level. */
function putItem(list, block, flow) {
  const text = block.text ?? "";
  const numbered = NUMBERED.exec(text);
  let here = list;
  for (let depth = 1; depth < (block.level ?? 1); depth += 1) {
    const parent = here.lastElementChild;
    if (!parent) break;
    here = parent.querySelector(":scope > ul, :scope > ol") ?? parent.appendChild(el("ul", { dir: "auto" }));
  }
  const marker = (numbered ?? BULLET.exec(text))?.[0].length ?? 0;
  const made = el("li", {}, styled(text, block.spans, flow, marker));
  const wanted = numbered ? "OL" : "UL";
  if (!here.children.length && here.tagName !== wanted) here = replaced(here, wanted);
  else if (here.tagName !== wanted) here = after(here, wanted);
  if (numbered) made.value = Number(numbered[1]);
  here.append(made);
  return { element: made, list: here.parentElement.closest("li") ? list : here };
}

function replaced(old, tag) {
  const made = el(tag, { dir: "auto" });
  old.replaceWith(made);
  return made;
}

function after(old, tag) {
  const made = el(tag, { dir: "auto" });
  old.after(made);
  return made;
}

/** A table with its spans. Cells beyond a limit are only in the downloads. */
export function table({ rows, cells }, flow = lines) {
  const shown = cells.slice(0, MOST_CELLS);
  const whole = filled(rows, shown);
  const numbers = numericColumns(shown);
  const made = el("table", { class: "grid" });
  const head = el("thead");
  const body = el("tbody");
  for (const line of whole) {
    if (!line.length) continue;
    const allHeads = line.every((cell) => cell.header);
    const row = el("tr", {}, line.map((cell) => cellElement(cell, numbers, flow)));
    (allHeads && !body.children.length ? head : body).append(row);
  }
  if (head.children.length) made.append(head);
  made.append(body);
  if (cells.length > shown.length) made.append(el("caption", { class: "hint" }, `${cells.length - shown.length} more cells are in the downloads.`));
  return made;
}

/** The cells row by row, with empty ones where the table has none, so that each is in its own column. */
function filled(rows, cells) {
  const lines = Array.from({ length: Math.min(rows, MOST_CELLS) }, () => []);
  for (const cell of cells) lines[cell.row]?.push(cell);
  const takenUntil = []; // by column: the first row that a cell from above leaves free
  return lines.map((line, row) => {
    const whole = [];
    let column = 0;
    for (const cell of line.sort((a, b) => a.column - b.column)) {
      for (; column < cell.column; column += 1) if (!(takenUntil[column] > row)) whole.push({ row, column, text: "" });
      whole.push(cell);
      for (let wide = 0; wide < (cell.column_span ?? 1) && wide < 1000; wide += 1) takenUntil[column + wide] = row + (cell.row_span ?? 1);
      column += cell.column_span ?? 1;
    }
    return whole;
  });
}

/** Columns with only numbers below their header: they and their header are aligned right. */
function numericColumns(cells) {
  const found = new Map();
  for (const { column, header, text } of cells) if (!header && text?.trim()) found.set(column, (found.get(column) ?? true) && NUMERIC.test(text));
  return found;
}

function cellElement(cell, numbers, flow) {
  const text = cell.text ?? "";
  const number = numbers.get(cell.column) && !(cell.column_span > 1) ? ["number"] : cellClasses(text);
  const made = el(cell.header ? "th" : "td", { class: number.join(" ") || null }, styled(text, cell.spans, flow));
  keepWords(made);
  if (cell.row_span > 1) made.rowSpan = Math.min(1000, cell.row_span);
  if (cell.column_span > 1) made.colSpan = Math.min(1000, cell.column_span);
  if (cell.header) made.scope = cell.row === 0 ? "col" : "row";
  return made;
}
