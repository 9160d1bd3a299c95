// The reasons for a page's reading: badges, warnings, the route and every attempt.

import { el } from "./dom.js";
import { isFlagged, tileKind } from "./ledger.js";
import { count, duration, ENGINES, HARMLESS, PAGE_ERRORS, WARNINGS } from "./words.js";

const OUTCOMES = { accepted: ["Accepted", "good"], rejected: ["Rejected", "bad"], error: ["Failed", "bad"] };

/** Engine, confidence and time of a page, as small facts in a line. */
export function pageBadges(view) {
  const { page, state } = view;
  const flat = { number: view.number, state, engine: page?.engine, warnings: view.warnings.map(({ code }) => code) };
  const name = { done: ENGINES[page?.engine] ?? "Read", blank: "Blank", failed: "Not read", unread: "Not read", reading: "Being read" }[state] ?? "Waiting";
  const time = view.attempts.reduce((sum, attempt) => sum + attempt.milliseconds, 0);
  return [
    el("span", {}, el("i", { class: "swatch", data: { kind: tileKind(flat) }, "aria-hidden": "true" }), name),
    page?.confidence !== null && page?.confidence !== undefined && el("span", {}, `${Math.round(page.confidence * 100)} % sure`),
    view.attempts.length > 0 && view.attempts.every(({ cached }) => cached) ? el("span", {}, "Read before, and copied") : time > 0 && el("span", {}, time < 995 ? `${time} ms` : `${(time / 1000).toFixed(1)} s`),
    view.rereading && el("span", {}, el("i", { class: "swatch", data: { kind: "reading" }, "aria-hidden": "true" }), "Being read again"),
    isFlagged(flat) && el("span", {}, el("i", { class: "swatch", data: { kind: "flagged" }, "aria-hidden": "true" }), "Flagged"),
  ];
}

/** What a reader of the page should know before reading it; `onKeepFurniture()` reads the document with its page headers and footers. */
export function pageNotes(view, onKeepFurniture) {
  const notes = view.warnings.filter(({ code }) => !HARMLESS.has(code) && code !== "page_failed").map(({ code, message }) => note(title(code), sentence(message || WARNINGS[code] || title(code))));
  if (view.retry_error && !view.rereading) notes.unshift(note("The new reading failed", `${sentence(view.retry_error.message)} The page stays as it was.`));
  const stripped = view.page?.stripped ?? view.stripped ?? 0;
  if (stripped > 0) notes.push(strippedNote(stripped, onKeepFurniture));
  if (view.error) notes.unshift(note(view.error.code, view.error.message || PAGE_ERRORS[view.error.code] || "", "bad"));
  return notes;
}

function note(name, text, tone = "") {
  return el("div", { class: "note", data: { tone } }, el("span", {}, el("b", {}, name), " ", text));
}

function strippedNote(lines, onKeepFurniture) {
  const again = el("button", { class: "link", type: "button", on: { click: onKeepFurniture } }, "Read the document again and keep them");
  return el("div", { class: "note", data: { tone: "quiet" } }, el("span", {}, `${count(lines, "line")} of page headers and footers left out. `, again));
}

function title(code) {
  const words = code.replaceAll("_", " ");
  return words[0].toUpperCase() + words.slice(1);
}

/** The route and the attempts, in order. */
export function whyTrail(view) {
  const harmless = view.warnings.filter(({ code }) => HARMLESS.has(code));
  const parts = [];
  if (view.route) parts.push(el("p", {}, sentence(view.route)));
  for (const { code, message } of harmless) parts.push(el("p", {}, message ? sentence(message) : WARNINGS[code]));
  for (const [reading, attempts] of byReading(view.attempts)) {
    if (reading > 1) parts.push(el("p", { class: "again" }, reading === 2 ? "Read again" : `Read again, the ${reading}${ending(reading)} reading`));
    parts.push(el("ol", {}, attempts.map(attempt)));
  }
  return parts;
}

/** The attempts of each reading of the page, the first reading first. */
function byReading(attempts) {
  const found = new Map();
  for (const one of attempts) found.set(one.reading ?? 1, [...(found.get(one.reading ?? 1) ?? []), one]);
  return found;
}

function ending(number) {
  return { 1: "st", 2: "nd", 3: "rd" }[[11, 12, 13].includes(number % 100) ? 0 : number % 10] ?? "th";
}

function attempt({ engine, model, grammar, outcome, reason, temperature, milliseconds, cached }) {
  const [name, tone] = OUTCOMES[outcome] ?? [outcome, ""];
  const warmth = temperature ? `, temperature ${temperature}` : "";
  const before = cached ? ", from the cache" : "";
  return el(
    "li",
    {},
    el("b", { title: model ?? "" }, (ENGINES[engine] ?? engine) + (grammar ? ` (${model}, answers in ${grammar})` : "")),
    el("span", { class: "outcome", data: { tone } }, name + (reason ? `: ${reason}` : "") + warmth + before),
    el("span", { class: "time" }, milliseconds < 1000 ? `${milliseconds} ms` : duration(milliseconds / 1000)),
  );
}

function sentence(text) {
  const whole = text[0].toUpperCase() + text.slice(1);
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
