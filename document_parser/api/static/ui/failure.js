// A document that was not read: the code, the sentence, and what can be done about it right here.

import { el, fill } from "./dom.js";

const LOCKED = new Set(["ENCRYPTED_DOCUMENT", "WRONG_PASSWORD"]);
const TITLES = {
  ENCRYPTED_DOCUMENT: "This document is locked",
  WRONG_PASSWORD: "That password does not open it",
  DAMAGED_DOCUMENT: "This file is damaged",
  JOB_NOT_FOUND: "There is no such document",
  JOB_EXPIRED: "This document has expired",
};

/** Why a document was not read, in a line of a list. */
export function failureInShort(error) {
  return LOCKED.has(error.code) ? `${TITLES[error.code]}. Open it and type its password.` : error.message;
}

/** Fills `card`. `file` is what was sent, where this visit still has it; `onUnlock(file, password)` sends it again. */
export function showFailure(card, error, { file, onUnlock } = {}) {
  const locked = LOCKED.has(error.code) && onUnlock;
  const says = locked && error.code === "ENCRYPTED_DOCUMENT" ? "Type its password; it is kept encrypted and gone when the reading ends." : error.message;
  fill(card, el("h2", {}, TITLES[error.code] ?? "This document was not read"), el("p", {}, says), locked && unlock(file, onUnlock), el("code", { class: "code" }, error.code));
}

function unlock(file, onUnlock) {
  const chooser = !file && el("input", { type: "file", "aria-label": "The file once more", required: true });
  const field = el("input", { id: "unlock-password", type: "password", autocomplete: "off", maxlength: "512", required: true });
  const form = el("form", { class: "unlock" }, el("label", { for: "unlock-password" }, file ? "Password" : "Choose the file once more, and its password"), chooser, field, el("button", { class: "button primary", type: "submit" }, "Unlock and read"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sent = file ?? chooser.files[0];
    if (sent && field.value) onUnlock(sent, field.value);
  });
  return form;
}
