// Single keys, and the help that lists them. They can be switched off, and do nothing while a text is typed.

import { byId } from "./dom.js";
import { keepSingleKeys, singleKeys } from "./memory.js";

export function shortcuts(job, isJobOpen) {
  const help = byId("help");
  byId("open-help").addEventListener("click", () => help.showModal());
  byId("close-help").addEventListener("click", () => help.close());
  help.addEventListener("click", (event) => event.target === help && help.close());
  byId("single-keys").checked = singleKeys();
  byId("single-keys").addEventListener("change", (event) => keepSingleKeys(event.target.checked));
  const pages = { j: () => job.step(1), k: () => job.step(-1), ArrowRight: () => job.step(1), ArrowLeft: () => job.step(-1), f: () => job.nextIssue(), z: () => job.pageView.zoom(), r: () => job.readAgain() };
  document.addEventListener("keydown", (event) => {
    if (!singleKeys() || typing(event) || scrolling(event) || help.open) return;
    const views = job.tabs.names;
    const act = { "?": () => help.showModal(), n: () => (location.hash = "#/") }[event.key] ?? (isJobOpen() ? (pages[event.key] ?? (views[event.key - 1] && (() => job.tabs.choose(views[event.key - 1])))) : null);
    if (!act) return;
    event.preventDefault();
    act();
  });
}

/** Arrow keys scroll an element sideways if the focus is in it. */
function scrolling(event) {
  return event.key.startsWith("Arrow") && event.target.closest?.(".frame-scroll[tabindex], .sheet.zoomed");
}

function typing(event) {
  return event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, select, textarea, [role=tablist], [role=menu], pre");
}
