// A menu button as the ARIA practices describe it.

import { el, fill, show } from "./dom.js";
import { closesOnEscape } from "./escape.js";

/** Fills `items` with [label, detail, act] and ties it to its button. */
export function menu(button, items, entries) {
  const close = (focus) => {
    show(items, false);
    button.setAttribute("aria-expanded", "false");
    if (focus) button.focus();
  };
  const open = () => {
    show(items);
    button.setAttribute("aria-expanded", "true");
    items.firstElementChild.focus();
  };
  fill(items, entries.map(([label, detail, act]) => el("button", { type: "button", role: "menuitem", tabindex: "-1", on: { click: () => (close(true), act()) } }, label, el("span", {}, detail))));
  button.addEventListener("click", () => (items.hidden ? open() : close(true)));
  items.addEventListener("keydown", (event) => {
    const all = [...items.children];
    const at = all.indexOf(document.activeElement);
    const goal = { ArrowDown: (at + 1) % all.length, ArrowUp: (at - 1 + all.length) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") close(false);
    else if (goal !== undefined) all[goal].focus();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  });
  closesOnEscape(() => !items.hidden, () => close(true));
  document.addEventListener("click", (event) => {
    if (!items.hidden && !items.contains(event.target) && !button.contains(event.target)) close(false);
  });
}
