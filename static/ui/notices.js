// Short messages in the corner, and words for screen readers alone.

import { byId, el } from "./dom.js";
import { closesOnEscape } from "./escape.js";

const STAY_MILLISECONDS = 5000;
const MOST = 3;

/** Shows a message for a few seconds; a problem stays until it is closed. The same message is shown once. */
export function notice(text, tone = "") {
  const shown = el("div", { class: "notice", data: { tone } }, el("span", {}, text));
  shown.append(el("button", { type: "button", "aria-label": "Close", on: { click: () => shown.remove() } }, "✕"));
  const all = placed();
  for (const other of [...all.children]) if (other.firstChild.textContent === text) other.remove();
  all.append(shown);
  while (all.children.length > MOST) all.firstElementChild.remove();
  if (tone !== "bad") setTimeout(() => shown.remove(), STAY_MILLISECONDS);
}

/** The place of notices, in the dialog that is open: what is outside of it can be neither used nor heard. */
function placed() {
  const all = byId("notices");
  const parent = document.querySelector("dialog[open]") ?? document.body;
  if (all.parentElement !== parent) parent.append(all);
  return all;
}

document.addEventListener("close", () => placed(), true);
closesOnEscape(() => byId("notices").children.length > 0, () => byId("notices").lastElementChild.remove());

export function trouble(error) {
  if (error.name !== "AbortError") notice(error.message, "bad");
}

/** Speaks to a screen reader without showing anything. */
export function announce(text) {
  byId("announcer").textContent = text;
}

/** Copies a text; over plain HTTP from another host browsers support only the old way. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    if (!copiedTheOldWay(text)) return notice("The browser did not allow access to the clipboard. Select the text and copy it.", "bad");
  }
  return notice(`${what} copied.`);
}

function copiedTheOldWay(text) {
  const field = el("textarea", { class: "unseen", "aria-hidden": "true" });
  field.value = text;
  const focused = document.activeElement;
  // What is outside of an open dialog can be neither focused nor selected.
  (document.querySelector("dialog[open]") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
