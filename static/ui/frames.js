// A table in a frame of its own. If the table is wider than its place, the frame scrolls, also with the keyboard, and shows that.

import { el, setText, show } from "./dom.js";

const SLACK = 1; // widths are rounded
const observer = new ResizeObserver((entries) => new Set(entries.map(({ target }) => target.closest(".frame"))).forEach((frame) => frame && measure(frame)));

/** A table in its frame. `label` names it to a screen reader: no two tables in one view have the same. */
export function framed(table, label) {
  const scroller = el("div", { class: "frame-scroll", data: { label } }, table);
  const frame = el("div", { class: "frame" }, el("p", { class: "frame-hint", hidden: true }), scroller);
  scroller.addEventListener("scroll", () => mark(frame, scroller), { passive: true });
  observer.observe(scroller);
  observer.observe(table);
  return frame;
}

/** A frame that scrolls can be focused and has a name; one that does not is no tab stop. */
function measure(frame) {
  const scroller = frame.querySelector(":scope > .frame-scroll");
  const sideways = scroller.scrollWidth > scroller.clientWidth + SLACK;
  const scrolls = sideways || scroller.scrollHeight > scroller.clientHeight + SLACK;
  const named = { tabindex: "0", role: "region", "aria-label": scroller.dataset.label + (sideways ? ", scrolls sideways" : "") };
  for (const [name, value] of Object.entries(named)) {
    if (scrolls) scroller.setAttribute(name, value);
    else scroller.removeAttribute(name);
  }
  const hint = frame.firstElementChild;
  setText(hint, sideways ? `${columns(scroller)} columns: scroll sideways for all` : "");
  show(hint, sideways);
  mark(frame, scroller);
}

/** Shades the sides at which there is more. */
function mark(frame, scroller) {
  const left = Math.abs(scroller.scrollLeft);
  frame.classList.toggle("more-before", left > SLACK);
  frame.classList.toggle("more-after", left + scroller.clientWidth < scroller.scrollWidth - SLACK);
}

function columns(scroller) {
  return Math.max(...[...scroller.querySelectorAll("tr")].map((row) => [...row.cells].reduce((sum, cell) => sum + cell.colSpan, 0)));
}
