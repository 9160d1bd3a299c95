// A document that was not read: the code, the message, and what the user can do about it here.

import { el, fill } from "./dom.js";
import { markField } from "./fields.js";
import { rangeProblem } from "./page_range.js";
import { count } from "./words.js";

const LOCKED = new Set(["ENCRYPTED_DOCUMENT", "WRONG_PASSWORD"]);
const TITLES = {
  ENCRYPTED_DOCUMENT: "This document is locked",
  WRONG_PASSWORD: "That password does not open it",
  DAMAGED_DOCUMENT: "This file is damaged",
  INFECTED_FILE: "A virus scanner found something in this file",
  JOB_NOT_FOUND: "There is no such document",
  JOB_EXPIRED: "This document has expired",
  PAGE_RANGE_EMPTY: "The document has none of these pages",
  QUOTA_EXCEEDED: "Your quota is used up",
  RATE_LIMIT_EXCEEDED: "Too many requests or documents at once",
  NOT_IN_TIER: "Your tier does not include this",
  TIER_UNKNOWN: "The tier of your key is not known here",
};

const QUOTAS = { documents_per_day: ["document", "day"], documents_per_month: ["document", "month"], pages_per_month: ["page", "month"] };

/** What is left of a quota, when it begins anew, and what to do; the message of any other error. */
export function explain(error) {
  const { quota, limit, used, left, wanted, resets_at: resets } = error.details ?? {};
  if (error.code === "RATE_LIMIT_EXCEEDED" && quota === "requests_per_minute") return `Your tier allows ${count(limit, "request")} a minute.`;
  if (error.code === "RATE_LIMIT_EXCEEDED" && quota === "concurrent_jobs") return `Your tier allows ${count(limit, "document")} at once. ${wanted > limit ? "Send fewer." : `Not ended: ${used}.`}`;
  if (error.code !== "QUOTA_EXCEEDED" || !QUOTAS[quota] || !resets) return error.message;
  const [unit, period] = QUOTAS[quota];
  const fewer = unit === "page" && left > 0 ? ` Choose at most ${count(left, unit)} of it, or wait.` : "";
  return `Your tier allows ${count(limit, unit)} a ${period}. Left: ${left}; this needs ${wanted}.${fewer} The count begins anew on ${new Date(resets).toLocaleString()}. Ask the operator for a higher tier if you need more.`;
}

/** Why a document was not read, in a line of a list. */
export function failureInShort(error) {
  return LOCKED.has(error.code) ? `${TITLES[error.code]}. Open it and type its password.` : explain(error);
}

/**
 * Fills `card`. `file` is the file that was sent, if this visit still has it, `range` the requested pages;
 * `onSendAgain(file, options)` sends it again with other options.
 */
export function showFailure(card, error, { file, range = "", onSendAgain } = {}) {
  const locked = LOCKED.has(error.code) && onSendAgain;
  const pages = error.code === "PAGE_RANGE_EMPTY" && onSendAgain;
  const says = locked && error.code === "ENCRYPTED_DOCUMENT" ? "Type its password. The server keeps it encrypted and deletes it when the job ends." : explain(error);
  fill(card, el("h2", {}, TITLES[error.code] ?? "This document was not read"), el("p", {}, says), locked && unlock(file, onSendAgain), pages && otherPages(error, file, range, onSendAgain), el("code", { class: "code" }, error.code));
}

function unlock(file, onSendAgain) {
  const field = el("input", { id: "unlock-password", type: "password", autocomplete: "off", maxlength: "512", required: true });
  return again(file, field, ["Password", "Choose the file again, and type its password"], "Unlock and read", (sent) => field.value && onSendAgain(sent, { password: field.value }));
}

/** The field of the requested pages, marked as invalid. */
function otherPages(error, file, range, onSendAgain) {
  const field = el("input", { id: "other-pages", autocomplete: "off", spellcheck: "false", maxlength: "1000", placeholder: "All, or 1,3-5,8-" });
  field.value = range || error.details?.page_range || "";
  const form = again(file, field, ["Pages", "Choose the file again, and type its pages"], "Read these pages", (sent) => {
    if (markField(field, rangeProblem(field.value))) field.focus();
    else onSendAgain(sent, { page_range: field.value.trim() });
  });
  const { pages } = error.details ?? {};
  markField(field, pages ? `The document has ${pages === 1 ? "one page" : `${pages} pages`}.` : error.message);
  return form;
}

/** A form that sends the file again: one field, and the file itself if it is no longer here. */
function again(file, field, [label, labelWithFile], action, send) {
  const chooser = !file && el("input", { type: "file", "aria-label": "The file once more", required: true });
  const form = el("form", { class: "unlock", novalidate: true }, el("label", { for: field.id }, file ? label : labelWithFile), chooser, field, el("button", { class: "button primary", type: "submit" }, action));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const sent = file ?? chooser.files[0];
    if (sent) send(sent);
    else chooser.focus();
  });
  return form;
}
