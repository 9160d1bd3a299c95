// The page image with a box over every block.

import { el, fill } from "./dom.js";
import { kindName } from "./words.js";

export const DEFAULT_RATIO = 0.707;
const MOST_BOXES = 1500;

export class Sheet {
  /** `onLight(index or null)` is called when the pointer enters or leaves a box, `onChoose(index)` when a box is clicked. */
  constructor(root, { onLight, onChoose }) {
    this.root = root;
    this.boxes = new Map();
    root.addEventListener("mouseover", (event) => onLight(boxIndex(event.target)));
    root.addEventListener("mouseleave", () => onLight(null));
    root.addEventListener("click", (event) => {
      const index = boxIndex(event.target);
      if (index !== null) onChoose(index);
    });
  }

  /** An empty page of the right shape, so that nothing moves when the image comes. */
  wait(ratio) {
    this.boxes.clear();
    this.ratio = ratio;
    fill(this.root, this.#leaf("leaf waiting"));
  }

  /** `unread` are the lines that could not be read: each has a box, and what it may be. */
  show(address, says, blocks, unread = []) {
    const leaf = this.#leaf("leaf");
    const image = el("img", { alt: says });
    image.addEventListener("load", () => this.#fit(leaf, image.naturalWidth / image.naturalHeight));
    image.src = address;
    leaf.append(image, ...unread.map(unreadBox), ...this.#boxes(blocks));
    fill(this.root, leaf);
  }

  missing(message) {
    fill(this.root, el("p", { class: "hint" }, message));
  }

  light(index, follow) {
    this.lit?.classList.remove("lit");
    this.lit = this.boxes.get(index);
    this.lit?.classList.add("lit");
    if (follow && this.lit && this.zoomed) this.#centre(this.lit);
  }

  /** Turns the zoom on or off. Returns whether it is on. */
  zoom() {
    this.zoomed = !this.zoomed;
    this.root.classList.toggle("zoomed", this.zoomed);
    // An element that scrolls must be reachable with the keyboard.
    for (const [name, value] of Object.entries({ tabindex: "0", role: "region", "aria-label": "The image at twice its size" })) {
      if (this.zoomed) this.root.setAttribute(name, value);
      else this.root.removeAttribute(name);
    }
    if (this.lit) this.#centre(this.lit);
    return this.zoomed;
  }

  #centre(box) {
    const seen = this.root.getBoundingClientRect();
    const there = box.getBoundingClientRect();
    this.root.scrollBy(there.left - seen.left - Math.max(20, (seen.width - there.width) / 2), there.top - seen.top - Math.max(20, (seen.height - there.height) / 2));
  }

  reveal(index) {
    this.boxes.get(index)?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  #leaf(name) {
    const leaf = el("div", { class: name });
    this.#fit(leaf, this.ratio ?? DEFAULT_RATIO);
    return leaf;
  }

  #fit(leaf, ratio) {
    leaf.style.aspectRatio = String(ratio);
    leaf.style.setProperty("--ratio", String(ratio));
  }

  #boxes(blocks) {
    this.boxes.clear();
    for (const [index, { box, kind, confidence, label }] of blocks.slice(0, MOST_BOXES).entries()) {
      if (!box) continue;
      const sure = confidence === null || confidence === undefined ? "" : ` · ${Math.round(confidence * 100)} %`;
      const made = el("div", { class: box.top < 0.03 ? "box at-top" : "box", "aria-hidden": "true", data: { index, label: label ?? kindName(kind) + sure } });
      place(made, box);
      this.boxes.set(index, made);
    }
    return this.boxes.values();
  }
}

function boxIndex(node) {
  const box = node.closest?.(".box");
  return box ? Number(box.dataset.index) : null;
}

function unreadBox({ box, text }) {
  const made = el("div", { class: "unread-line", title: text ? `Not read. It may be: ${text}` : "Not read", "aria-hidden": "true" });
  place(made, box);
  return made;
}

function place({ style }, box) {
  style.left = percent(box.left);
  style.top = percent(box.top);
  style.width = percent(box.right - box.left);
  style.height = percent(box.bottom - box.top);
}

function percent(fraction) {
  return `${(fraction * 100).toFixed(3)}%`;
}
