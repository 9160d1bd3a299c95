// A long list, shown in steps.

import { el } from "./dom.js";

const STEP = 20;

/** Appends what `make` makes of the entries from the first one on, and a button for the next ones. */
export function showMore(panel, entries, make, from = 0) {
  const made = entries.slice(from, from + STEP).map(make);
  panel.append(...made);
  if (from) made[0]?.querySelector("button")?.focus(); // the button that had the focus is gone
  if (entries.length <= from + STEP) return;
  const button = el("button", { class: "button", type: "button" }, `Show ${Math.min(STEP, entries.length - from - STEP)} more`);
  button.addEventListener("click", () => {
    button.remove();
    showMore(panel, entries, make, from + STEP);
  });
  panel.append(button);
}
