// The options form: the chosen options under the API's names.

import { byId } from "./dom.js";
import { markField } from "./fields.js";
import { rangeProblem } from "./page_range.js";

const NAMES = ["accuracy_mode", "output_format", "page_range", "headers_footers", "layers", "page_separator", "on_low_quality", "figures", "csv_safe", "priority", "retention_hours", "cache", "password"];
const DEFAULTS = {
  output_format: "markdown",
  headers_footers: "strip",
  layers: "body,headers,notes",
  on_low_quality: "flag",
  figures: "placeholder",
  csv_safe: "true",
  priority: "auto",
  cache: "true",
};

/** The chosen options, without those that have their default value. */
export function readOptions() {
  const form = new FormData(byId("options"));
  const chosen = NAMES.map((name) => [name, name === "password" ? form.get(name) : (form.get(name) ?? "").trim()]);
  return Object.fromEntries(chosen.filter(([name, value]) => value !== "" && value !== DEFAULTS[name]));
}

/** Returns whether all fields are valid, and marks those that are not. */
export function checkOptions() {
  return ![...invalidFields()].length;
}

/** The fields whose values the server would refuse, each marked with its problem. */
function invalidFields() {
  const { page_range: pages, retention_hours: hours } = byId("options").elements;
  const problems = [[pages, rangeProblem(pages.value)], [hours, hoursProblem(hours)]];
  return problems.filter(([field, says]) => markField(field, says)).map(([field]) => field);
}

/** What is wrong with a time, in words. Zero is for programs: the page reads a result whole to show it, which would delete it. */
function hoursProblem({ validity, min, max }) {
  return validity.valid ? "" : `Type between ${min} and ${max} hours, or nothing.`;
}

/** Focuses the first invalid field, before a file is sent for nothing. Returns whether all fields are valid. */
export function optionsAreFine() {
  const [first] = invalidFields();
  return !first || goTo(first);
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
