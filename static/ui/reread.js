// The form that has the shown page read again: the engine, the accuracy mode, and the outcome.

import { byId, setText, show } from "./dom.js";
import { closesOnEscape } from "./escape.js";
import { markField } from "./fields.js";

const LOCKED = new Set(["PASSWORD_GONE", "WRONG_PASSWORD"]);

export class Reread {
  /** `order(number, choice)` asks the server; it throws an ApiError if that is refused. */
  constructor(order) {
    this.order = order;
    this.button = byId("read-again");
    this.form = byId("reread");
    this.button.addEventListener("click", () => this.open(this.form.hidden));
    byId("close-reread").addEventListener("click", () => this.open(false));
    closesOnEscape(() => !this.form.hidden, () => this.open(false));
    this.form.addEventListener("input", () => this.#fit());
    this.form.elements.engine.addEventListener("input", () => markField(this.form.elements.engine, ""));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
  }

  /** Sets the page that is shown now, or null. Another page closes the form. */
  setPage(view, allowed) {
    const number = view?.number ?? null;
    if (number !== this.number || view?.rereading) this.open(false, false);
    this.number = number;
    show(this.button, allowed && number !== null);
    this.button.disabled = Boolean(view?.rereading);
    setText(this.button, view?.rereading ? "Reading again…" : "Read again");
    setText(byId("reread-title"), `Read page ${number ?? ""} again`);
  }

  open(shown, focus = true) {
    if (shown === !this.form.hidden) return;
    show(this.form, shown);
    this.button.setAttribute("aria-expanded", String(shown));
    show(byId("reread-problem"), false);
    this.#fit();
    if (focus) (shown ? this.form.elements.engine : this.button).focus();
  }

  /** A named engine reads the page in any case, so the accuracy mode, which chooses the engine, is disabled. */
  #fit() {
    this.form.elements.accuracy_mode.disabled = Boolean(this.form.elements.engine.value);
  }

  async #send() {
    const choice = Object.fromEntries([...new FormData(this.form)].filter(([, value]) => value !== ""));
    byId("send-reread").disabled = true;
    try {
      await this.order(this.number, choice);
      this.form.elements.password.value = "";
      show(byId("reread-password"), false);
      this.open(false);
    } catch (error) {
      this.#refused(error);
    }
    byId("send-reread").disabled = false;
  }

  /** Shows at the field concerned what was not accepted. */
  #refused(error) {
    const { engine, password } = this.form.elements;
    const locked = LOCKED.has(error.code);
    const absent = error.code === "ENGINE_ABSENT";
    show(byId("reread-password"), locked || !byId("reread-password").hidden);
    const says = locked ? "The password of the document was deleted when its job ended. Type it again." : error.message;
    setText(byId("reread-problem"), absent ? "" : says);
    show(byId("reread-problem"), !absent);
    if (absent) markField(engine, says);
    password.setAttribute("aria-invalid", String(locked));
    if (locked || absent) (locked ? password : engine).focus();
  }
}
