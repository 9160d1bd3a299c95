// The tab of values: what to look for, the values that were found, and the place of each on its page.

import { client } from "./api.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { saveText } from "./downloads.js";
import { markField, onceAtATime } from "./fields.js";
import { framed } from "./frames.js";
import { showMore } from "./more.js";
import { announce, trouble } from "./notices.js";
import { Pictures } from "./pictures.js";
import { DEFAULT_RATIO, Sheet } from "./sheet.js";
import { aroundAll, layOut, nameOf, shownValue, stateOf } from "./values.js";
import { count, locationWords } from "./words.js";

const OUTCOMES = { passed: ["Passed", "good"], failed: ["Failed", "bad"], unsure: ["Unsure", "warn"] };

export class ValuesView {
  constructor() {
    this.form = byId("values-form");
    this.schema = byId("values-schema");
    this.names = byId("values-names");
    this.pictures = new Pictures();
    this.sheet = new Sheet(byId("values-sheet"), { onLight: (index) => this.#light(index ?? focusedValue()), onChoose: (index) => this.#focus(index) });
    this.schema.addEventListener("change", () => this.#choose());
    onceAtATime(this.form, () => this.#send().catch((error) => this.#refused(error)));
    const found = byId("values-found");
    for (const kind of ["mouseover", "focusin"]) found.addEventListener(kind, (event) => this.#point(event.target));
    found.addEventListener("mouseleave", () => this.#point(document.activeElement));
    found.addEventListener("click", (event) => event.target.closest("[data-value]") && this.sheet.reveal(Number(event.target.closest("[data-value]").dataset.value)));
  }

  /** A job that has a result, or null; `extractions` are those that were asked of it before. */
  setJob(jobId, stem, extractions = []) {
    const earlier = extractions.findLast(({ status }) => status === "completed");
    if (jobId === this.jobId) {
      this.earlier ??= earlier;
      return;
    }
    this.stop?.abort();
    Object.assign(this, { jobId, stem, earlier, shown: null, views: new Map(), page: null, all: [] });
    this.pictures.clear();
    fill(byId("values-found"));
    show(byId("values-pair"), false);
  }

  async show() {
    show(this.form, Boolean(this.jobId) && this.#hasSchemas());
    show(byId("values-early"), !this.jobId);
    if (!this.jobId) return;
    try {
      await this.#loadSchemas();
      show(this.form, Boolean(this.jobId)); // not before: without schemas it would ask for names
      const { earlier } = this;
      if (this.shown || !earlier) return;
      if (earlier.schema_name) this.schema.value = earlier.schema_name;
      this.#choose();
      await this.#load(() => client.extraction(this.jobId, earlier.id));
    } catch (error) {
      trouble(error);
    }
  }

  #hasSchemas() {
    return this.schema.options.length > 1;
  }

  async #loadSchemas() {
    if (this.#hasSchemas()) return;
    const schemas = await client.schemas();
    const chosen = schemas.map(({ name, title }) => el("option", { value: name }, title || nameOf([name])));
    this.schema.prepend(...chosen);
    this.schema.selectedIndex = Math.max(0, schemas.findIndex(({ name }) => name === "invoice"));
    this.#choose();
  }

  #choose() {
    show(byId("values-names-field"), this.schema.value === "");
  }

  /** Asks for the values that the form names. */
  async #send() {
    const names = this.names.value.split(",").map((name) => name.trim()).filter(Boolean);
    if (!this.schema.value && markField(this.names, names.length ? "" : "Type at least one name.")) return this.names.focus();
    const json = this.schema.value ? { schema: this.schema.value } : { fields: names };
    await this.#load(() => client.extract(this.jobId, json));
    return undefined;
  }

  /** Shows the answer, unless another one has been asked for meanwhile. */
  async #load(fetchAnswer) {
    const { jobId } = this;
    const turn = (this.turn = (this.turn ?? 0) + 1);
    const isLast = () => jobId === this.jobId && turn === this.turn;
    setText(byId("values-says"), "Looking for the values…");
    try {
      const answer = await fetchAnswer();
      if (!isLast()) return;
      this.shown = answer;
      this.#render(answer);
    } finally {
      if (isLast()) setText(byId("values-says"), "");
    }
  }

  #refused(error) {
    const problem = error.details.problems?.[0]?.message;
    if (!this.schema.value && error.status === 422) markField(this.names, problem ?? error.message);
    else trouble(error);
  }

  #render({ data, evidence, checks, warnings, complete }) {
    const held = focusedValue();
    Object.assign(this, { all: [], lit: null });
    const { values, lists } = layOut(data, evidence);
    const found = values.filter(({ value }) => shownValue(value) !== null).length;
    const rows = lists.reduce((sum, list) => sum + list.rows.length, 0);
    const says = `${found} of ${count(values.length, "value")} found${lists.length ? `, ${count(rows, "row")} in lists` : ""}`;
    fill(
      byId("values-found"),
      this.#bar(says),
      ...warnings.map(({ message }) => el("p", { class: "note" }, el("span", {}, message))),
      complete ? null : el("p", { class: "note" }, el("span", {}, "A page could not be read. Values of it are missing.")),
      values.length ? this.#values(values) : null,
      ...lists.map((list) => this.#list(list)),
      checks.length ? checksOf(checks) : null,
    );
    show(byId("values-pair"));
    this.#picture(this.all.find(({ evidence: { page } }) => page)?.evidence.page ?? null);
    if (held !== null) this.#focus(held); // an answer that was asked for before comes while somebody goes through another
    announce(says);
  }

  #bar(says) {
    const button = (name, act) => el("button", { class: "button small", type: "button", on: { click: () => Promise.resolve(act()).catch(trouble) } }, name);
    return el(
      "div",
      { class: "source-bar" },
      el("span", { class: "hint" }, says),
      button("Download CSV", () => this.#saveCsv()),
      button("Download JSON", () => saveText(JSON.stringify(this.#answer(), null, 2), `${this.stem}-values.json`, "application/json")),
    );
  }

  #answer() {
    const { url, ...answer } = this.shown;
    return answer;
  }

  async #saveCsv() {
    const answer = await client.ask(this.shown.url, { query: { format: "csv" }, patient: true });
    saveText(await answer.text(), `${this.stem}-values.csv`, "text/csv;charset=utf-8");
  }

  #values(values) {
    const rows = values.map(({ name, value, evidence }) => {
      const [says, tone] = stateOf(value, evidence);
      return el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, this.#value(value, evidence, name), evidence.note ? el("p", { class: "hint" }, evidence.note) : null), el("td", {}, el("span", { class: "status", data: { tone } }, says)));
    });
    const head = el("tr", {}, ...["Field", "Value", "How sure"].map((title) => el("th", { scope: "col" }, title)));
    return framed(el("table", { class: "values" }, el("caption", { class: "unseen" }, "Single values. One with a place is a button, which marks it on the picture of its page."), el("thead", {}, head), el("tbody", {}, ...rows)), "Single values");
  }

  #list({ name, columns, rows }) {
    const title = name || "Rows";
    const body = el("tbody", {});
    const head = el("tr", {}, el("th", { scope: "col" }, el("span", { class: "unseen" }, "Row")), ...columns.map((column) => el("th", { scope: "col" }, column || title)));
    const table = framed(el("table", { class: "values rows" }, el("caption", { class: "unseen" }, title), el("thead", {}, head), body), title);
    const card = el("section", { class: "table-card", "aria-label": title }, el("header", {}, el("h2", {}, title, el("span", {}, ` · ${count(rows.length, "row")}`))), table);
    const made = (row, place) => el("tr", {}, el("th", { scope: "row" }, String(place + 1)), ...row.map((cell, at) => el("td", {}, cell ? this.#value(cell.value, cell.evidence, `${columns[at] || title}, row ${place + 1}`) : "")));
    const all = rows.map((row, place) => ({ row, place }));
    showMore({ append: (...nodes) => nodes.forEach((node) => (node.tagName === "TR" ? body : card).append(node)) }, all, ({ row, place }) => made(row, place));
    return card;
  }

  /** A value: a button if it has a place, which lights it on the page. */
  #value(value, evidence, name) {
    const text = shownValue(value) ?? (evidence.state === "unreadable" ? shownValue(evidence.quote) : null);
    const box = aroundAll(evidence.boxes);
    if (!box) return text === null ? el("span", { class: "hint" }, "–") : el("span", {}, text);
    const index = this.all.push({ name, evidence, box }) - 1;
    const made = el("button", { type: "button", class: "value", data: { value: index, tone: stateOf(value, evidence)[1] } }, text ?? "–");
    this.all[index].button = made;
    return made;
  }

  #point(node) {
    // The pointer may rest anywhere else while the keyboard is used.
    const index = valueAt(node) ?? focusedValue();
    this.#light(index);
    if (index === null) return;
    const { page } = this.all[index].evidence;
    if (page === this.page && this.sheet.boxes.has(index)) this.sheet.light(index, true);
    else this.#picture(page);
  }

  #light(index) {
    this.all[this.lit]?.button.classList.remove("lit");
    this.lit = index;
    this.all[index]?.button.classList.add("lit");
    this.sheet.light(index, false);
  }

  #focus(index) {
    this.all[index]?.button.focus();
  }

  /** Shows the picture of a page with a box over each value on it, and lights one of them. */
  async #picture(number) {
    this.stop?.abort();
    if (number === null) return this.sheet.missing("None of the values has a place.");
    this.stop = new AbortController();
    const { signal } = this.stop;
    this.page = number;
    fill(byId("values-page"), `Page ${number}`);
    this.sheet.wait(this.views.get(number)?.ratio ?? DEFAULT_RATIO);
    try {
      const view = await this.#view(number, signal);
      if (view.location) return this.sheet.missing(locationWords(view.location));
      const address = await this.pictures.get(view.image_url, signal);
      if (signal.aborted) return undefined;
      this.sheet.show(address, `Picture of page ${number}`, this.all.map(({ name, box, evidence }) => (evidence.page === number ? { box, label: name } : {})));
      this.sheet.light(this.lit ?? null, true);
    } catch (error) {
      if (error.name !== "AbortError") this.sheet.missing(error.message);
    }
    return undefined;
  }

  async #view(number, signal) {
    const kept = this.views.get(number);
    if (kept) return kept;
    const { image_url, page } = await client.page(this.jobId, number, { signal });
    const view = { image_url, location: page?.location, ratio: page?.width && page.height ? page.width / page.height : DEFAULT_RATIO };
    this.views.set(number, view);
    return view;
  }
}

/** The index of the value that a node belongs to, or null. */
function valueAt(node) {
  const button = node?.closest?.("#values-found [data-value]");
  return button ? Number(button.dataset.value) : null;
}

/** The index of the value that the keyboard is on, or null. It stays lit while the pointer is on nothing. */
function focusedValue() {
  return valueAt(document.activeElement);
}

function checksOf(checks) {
  const items = checks.map(({ name, outcome, message, fields }) => {
    const [says, tone] = OUTCOMES[outcome] ?? [outcome, ""];
    const about = fields.map((pointer) => nameOf(pointer.split("/").slice(1))).join(", ");
    return el("li", {}, el("span", { class: "status", data: { tone } }, says), el("span", {}, el("b", {}, nameOf([name])), [about, message].filter(Boolean).map((part) => ` · ${part}`).join("")));
  });
  return el("section", { class: "table-card checks", "aria-labelledby": "checks-title" }, el("header", {}, el("h2", { id: "checks-title" }, "Checks")), el("ul", {}, ...items));
}
