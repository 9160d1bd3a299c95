// A list that is loaded piece by piece: waiting, filled, empty or failed, and always saying which.

import { el, fill } from "../dom.js";
import { announce, trouble } from "../notices.js";
import { count } from "../words.js";
import { records } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

export class Listing {
  /**
   * `one` and `what` name a record and several ("key", "keys"), `columns` are those of `records()`. `home` gets the focus if
   * what had it is gone. `empty()` returns [title, advice].
   */
  constructor(place, { one, what = `${one}s`, columns, idOf, home, empty }) {
    Object.assign(this, { place, one, what, columns, idOf, home, empty });
  }

  /** Loads the list anew. `load(cursor, signal)` returns {rows, next}, without `next` at the end. */
  async open(load) {
    this.load = load;
    this.#replace(loading(this.what));
    await this.refresh();
  }

  /** Loads the first piece again; what is shown stays until it has come. */
  async refresh() {
    this.stop();
    const { signal } = (this.turn = new AbortController());
    try {
      const { rows, next } = await this.load(null, signal);
      if (!signal.aborted) this.#show(rows, next);
    } catch (error) {
      if (!signal.aborted) this.#replace(notLoaded(error, this.what, () => this.open(this.load)));
    }
  }

  stop() {
    this.turn?.abort();
  }

  /** Focuses the row of a record; if it is gone, the heading. */
  focus(id) {
    (this.#row(id)?.querySelector("th") ?? this.home).focus();
  }

  #row(id) {
    return [...this.place.querySelectorAll("tbody tr")].find(({ dataset }) => id && dataset.id === id);
  }

  /** Shows something else than rows. */
  #replace(says) {
    if (this.place.contains(document.activeElement)) this.home.focus();
    fill(this.place, says);
  }

  #show(rows, next) {
    const focused = this.place.contains(document.activeElement) ? document.activeElement : null;
    const [id, act] = [focused?.closest("tr")?.dataset.id, focused?.dataset.act];
    this.rows = rows;
    this.next = next ?? null;
    this.#draw();
    announce(rows.length ? `${count(rows.length, this.one, this.what)} shown.` : this.empty()[0]);
    if (!focused) return;
    const same = act && this.#row(id)?.querySelector(`[data-act="${act}"]`);
    if (same) same.focus();
    else this.focus(id);
  }

  #draw() {
    const [title, advice] = this.empty();
    const isSearching = this.next !== null;
    const says = isSearching ? nothing("Nothing found so far", `The newest ${this.what} have been looked at. Go on with older ones.`) : nothing(title, advice);
    fill(this.place, this.rows.length ? records(caption(this.what), this.columns, this.rows, this.idOf) : says, isSearching && this.#moreButton());
  }

  #moreButton() {
    const button = el("button", { class: "button", type: "button", on: { click: () => this.#more(button) } }, this.rows.length ? "Show older" : "Search older ones");
    return el("div", { class: "more-rows" }, button);
  }

  async #more(button) {
    if (button.getAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    const { signal } = this.turn;
    const before = this.rows.length;
    try {
      const { rows, next } = await this.load(this.next, signal);
      if (signal.aborted) return;
      this.rows = [...this.rows, ...rows];
      this.next = next ?? null;
      this.#draw();
      announce(`${count(rows.length, `more ${this.one}`, `more ${this.what}`)} shown.`);
      (this.place.querySelectorAll("tbody th")[before] ?? this.place.querySelector(".more-rows button") ?? this.home).focus();
    } catch (error) {
      if (signal.aborted) return;
      button.removeAttribute("aria-busy");
      trouble(error);
    }
  }
}

function caption(what) {
  return what[0].toUpperCase() + what.slice(1);
}
