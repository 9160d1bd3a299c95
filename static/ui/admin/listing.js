// A list that is loaded piece by piece: waiting, filled, empty or failed, and always saying which.

import { el, fill } from "../dom.js";
import { announce } from "../notices.js";
import { records } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

export class Listing {
  /**
   * `what` names the records ("keys"), `columns` are those of `records()`. `home` gets the focus if what had it is gone.
   * `empty()` returns [title, advice].
   */
  constructor(place, { what, columns, idOf, home, empty }) {
    Object.assign(this, { place, what, columns, idOf, home, empty });
  }

  /** Loads the list anew. `load(cursor, signal)` returns {rows, next}, without `next` at the end. */
  async open(load) {
    this.load = load;
    fill(this.place, loading(this.what));
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
      if (!signal.aborted) fill(this.place, notLoaded(error, this.what, () => this.open(this.load)));
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

  #show(rows, next) {
    const focused = this.place.contains(document.activeElement) ? document.activeElement : null;
    const [id, act] = [focused?.closest("tr")?.dataset.id, focused?.dataset.act];
    this.rows = rows;
    this.next = next ?? null;
    this.#draw();
    announce(rows.length ? `${rows.length} ${this.what} are shown.` : this.empty()[0]);
    if (!focused) return;
    const same = act && this.#row(id)?.querySelector(`[data-act="${act}"]`);
    if (same) same.focus();
    else this.focus(id);
  }

  #draw() {
    const [title, advice] = this.empty();
    const isSearching = this.next !== null;
    const says = isSearching ? nothing("Nothing found so far", "The newest jobs have been looked at. Go on with older ones, or ask for a shorter time.") : nothing(title, advice);
    fill(this.place, this.rows.length ? records(caption(this.what), this.columns, this.rows, this.idOf) : says, isSearching && this.#moreButton());
  }

  #moreButton() {
    return el("div", { class: "more-rows" }, el("button", { class: "button", type: "button", on: { click: () => this.#more() } }, this.rows.length ? "Show older" : "Search older ones"));
  }

  async #more() {
    const { signal } = this.turn;
    const before = this.rows.length;
    try {
      const { rows, next } = await this.load(this.next, signal);
      if (signal.aborted) return;
      this.rows = [...this.rows, ...rows];
      this.next = next ?? null;
      this.#draw();
      announce(`${rows.length} more ${this.what}.`);
      (this.place.querySelectorAll("tbody th")[before] ?? this.place.querySelector(".more-rows button") ?? this.home).focus();
    } catch (error) {
      if (signal.aborted) return;
      this.place.append(notLoaded(error, this.what, () => this.open(this.load)));
    }
  }
}

function caption(what) {
  return what[0].toUpperCase() + what.slice(1);
}
