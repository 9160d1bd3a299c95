// The options form: what is asked for, in the API's own words.

import { byId, show } from "./dom.js";

const NAMES = ["accuracy_mode", "output_format", "page_range", "headers_footers", "page_separator", "on_low_quality", "figures", "password"];
const DEFAULTS = { output_format: "markdown", headers_footers: "strip", on_low_quality: "flag", figures: "placeholder" };
const RANGE = /^\s*(\d{1,9}(\s*-\s*(\d{1,9})?)?\s*(,|$)\s*)*$/;

/** What was chosen; defaults that everybody has are left out. */
export function readOptions() {
  const form = new FormData(byId("options"));
  const chosen = NAMES.map((name) => [name, name === "password" ? form.get(name) : (form.get(name) ?? "").trim()]);
  return Object.fromEntries(chosen.filter(([name, value]) => value !== "" && value !== DEFAULTS[name]));
}

/** Whether what was typed can be understood; shows what cannot, before a file is sent for nothing. */
export function checkOptions() {
  const field = byId("options").elements.page_range;
  const fine = RANGE.test(field.value);
  field.setAttribute("aria-invalid", String(!fine));
  show(byId("range-problem"), !fine);
  if (!fine) {
    byId("more-options").open = true;
    field.focus();
  }
  return fine;
}

/** A password is for one document: it is not sent along with the next. */
export function clearPassword() {
  byId("options").elements.password.value = "";
}
