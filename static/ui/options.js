// The options form: the chosen options under the API's names.

import { byId } from "./dom.js";
import { markField } from "./fields.js";
import { rangeProblem } from "./page_range.js";

const NAMES = ["accuracy_mode", "output_format", "page_range", "headers_footers", "page_separator", "on_low_quality", "figures", "password"];
const DEFAULTS = { output_format: "markdown", headers_footers: "strip", on_low_quality: "flag", figures: "placeholder" };

/** The chosen options, without those that have their default value. */
export function readOptions() {
  const form = new FormData(byId("options"));
  const chosen = NAMES.map((name) => [name, name === "password" ? form.get(name) : (form.get(name) ?? "").trim()]);
  return Object.fromEntries(chosen.filter(([name, value]) => value !== "" && value !== DEFAULTS[name]));
}

/** Returns whether all fields are valid, and marks those that are not. */
export function checkOptions() {
  const field = byId("options").elements.page_range;
  return !markField(field, rangeProblem(field.value));
}

/** Focuses the first invalid field, before a file is sent for nothing. Returns whether all fields are valid. */
export function optionsAreFine() {
  return checkOptions() || goTo(byId("options").elements.page_range);
}

/** Marks the fields that the server refused, [{field, problem}], and focuses the first. */
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

/** A password is for one document and is not sent with the next. */
export function clearPassword() {
  byId("options").elements.password.value = "";
}
