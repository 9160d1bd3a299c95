// Dialogs: the browser keeps the focus inside and lets Esc close them; here it is given back, and what they send is shown.

import { ApiError } from "../../client/index.js";
import { byId, setText, show } from "../dom.js";
import { markField, onceAtATime } from "../fields.js";

for (const button of document.querySelectorAll("dialog [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

/**
 * Opens a dialog. If what opened it is gone when it closes, `lost()` says where the focus goes. That is asked at once: the event
 * "close" comes with the next frame, and until then keys would go to a button that is no longer seen.
 */
export function openDialog(dialog, lost = () => {}) {
  const opener = document.activeElement;
  const closing = new MutationObserver(() => {
    if (dialog.open) return;
    closing.disconnect();
    if (!opener.isConnected) lost();
  });
  dialog.showModal();
  closing.observe(dialog, { attributes: true, attributeFilter: ["open"] });
}

/**
 * Sends a form with `act(form)` once at a time, and shows what was refused: at its field if `fields` (the server's names to ids)
 * has it, else in the element `problem`. Esc closes the dialog of a form that is on its way, and its answer is shown all the same.
 */
export function onSubmit(form, act, { problem, fields = {} }) {
  onceAtATime(form, async () => {
    say(problem, "");
    try {
      await act(form);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      refuse(error, problem, fields);
    }
  });
}

function refuse(error, problem, fields) {
  const marked = (error.details?.fields ?? []).filter(({ field }) => fields[field]);
  for (const { field, problem: says } of marked) markField(byId(fields[field]), `${labelOf(byId(fields[field]))} ${says}.`);
  if (marked.length) byId(fields[marked[0].field]).focus();
  else say(problem, error.message);
}

function labelOf(field) {
  return field.labels[0].textContent;
}

export function say(place, text) {
  setText(place, text);
  show(place, text !== "");
}

const confirmation = { act: async () => {} };

onSubmit(byId("confirm-form"), () => confirmation.act(), { problem: byId("confirm-problem") });

/**
 * Asks before something that cannot be undone: `act()` does it, and may throw ApiError, which the dialog shows. `instead` is
 * written on the button that leaves all as it is, `isEnd` says that something ends.
 */
export function confirm({ title, says, action, instead = "Cancel", isEnd = false, act, lost }) {
  const dialog = byId("confirm-dialog");
  setText(byId("confirm-title"), title);
  setText(byId("confirm-says"), says);
  setText(byId("confirm-act"), action);
  setText(byId("confirm-keep"), instead);
  byId("confirm-act").className = `button ${isEnd ? "danger solid" : "primary"}`;
  say(byId("confirm-problem"), "");
  confirmation.act = async () => {
    await act();
    dialog.close();
  };
  openDialog(dialog, lost);
}
