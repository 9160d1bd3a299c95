// The options form: what is asked for, in the API's own words.

import { byId } from "./dom.js";
import { markField } from "./fields.js";
import { rangeProblem } from "./page_range.js";

const NAMES = ["accuracy_mode", "output_format", "page_range", "headers_footers", "page_separator", "on_low_quality", "figures", "password"];
const DEFAULTS = { output_format: "markdown", headers_footers: "strip", on_low_quality: "flag", figures: "placeholder" };

/** What was chosen; defaults that everybody has are left out. */
export function readOptions() {
  const form = new FormData(byId("options"));
  const chosen = NAMES.map((name) => [name, name === "password" ? form.get(name) : (form.get(name) ?? "").trim()]);
  return Object.fromEntries(chosen.filter(([name, value]) => value !== "" && value !== DEFAULTS[name]));
}

/** Whether what was typed can be understood; marks what cannot. */
export function checkOptions() {
  const field = byId("options").elements.page_range;
  return !markField(field, rangeProblem(field.value));
}

/** Goes to what cannot be understood, before a file is sent for nothing. Whether all can. */
export function optionsAreFine() {
  return checkOptions() || goTo(byId("options").elements.page_range);
}

/** Marks the fields that the server did not understand, [{field, problem}], and goes to the first. */
export function markOptions(problems) {
  const { elements } = byId("options");
  const marked = problems.filter(({ field }) => elements[field] instanceof Element).map(({ field, problem }) => markField(elements[field], problem) && elements[field]);
  if (marked.length) goTo(marked[0]);
}

/** Chooses one value of a list for the next document. */
export function setOption(name, value) {
  const field = byId("options").elements[name];
  field.value = value;
  byId("options").dispatchEvent(new Event("input"));
  goTo(field);
}

function goTo(field) {
  byId("more-options").open = true;
  field.focus();
  return false;
}

/** A password is for one document: it is not sent along with the next. */
export function clearPassword() {
  byId("options").elements.password.value = "";
}
