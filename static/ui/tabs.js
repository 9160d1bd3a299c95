// Tabs as the ARIA practices describe them: one tab stop, arrow keys move and select.

/** `onChoose(name)` is called with the selected view; `choose(name)` selects one from outside. */
export class Tabs {
  constructor(list, onChoose) {
    this.tabs = [...list.querySelectorAll('[role="tab"]')];
    this.onChoose = onChoose;
    list.addEventListener("click", (event) => {
      const tab = event.target.closest('[role="tab"]');
      if (tab) this.choose(tab.dataset.view);
    });
    list.addEventListener("keydown", (event) => this.#move(event));
  }

  get names() {
    return this.tabs.map((tab) => tab.dataset.view);
  }

  choose(name, { focus = false } = {}) {
    this.chosen = name;
    for (const tab of this.tabs) {
      const selected = tab.dataset.view === name;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      if (selected && focus) tab.focus();
      if (selected) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    this.onChoose(name);
  }

  #move(event) {
    const index = this.tabs.indexOf(event.target);
    const last = this.tabs.length - 1;
    const goal = { ArrowRight: index === last ? 0 : index + 1, ArrowLeft: index ? index - 1 : last, Home: 0, End: last }[event.key];
    if (index < 0 || goal === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.choose(this.tabs[goal].dataset.view, { focus: true });
  }
}
