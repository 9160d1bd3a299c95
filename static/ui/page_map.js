// All pages of a job as tiles on one canvas: a thousand cost no more than ten. Shapes show the same as colours.

import { setText, show } from "./dom.js";
import { closesOnEscape } from "./escape.js";
import { isFlagged, tileKind } from "./ledger.js";
import { pageSays } from "./words.js";

const SIZES = [
  { most: 24, width: 34, height: 44, gap: 6, radius: 4, number: 11 },
  { most: 120, width: 26, height: 34, gap: 5, radius: 3.5, number: 10 },
  { most: 400, width: 15, height: 20, gap: 4, radius: 2.5 },
  { most: Infinity, width: 10, height: 13, gap: 3, radius: 2 },
];
const PADDING = 3;
const FILL_MILLISECONDS = 320;
const BREATH_MILLISECONDS = 1800;

export class PageMap {
  /** `onChoose(number)` is called with the page that was clicked. */
  constructor(root, onChoose) {
    this.root = root;
    this.canvas = root.querySelector("canvas");
    this.tip = root.querySelector(".tip");
    this.onChoose = onChoose;
    this.pages = [];
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.colours = null;
      this.draw();
    });
    new ResizeObserver(() => this.draw()).observe(root);
    root.addEventListener("click", (event) => this.#choose(this.#at(event)));
    root.addEventListener("mousemove", (event) => this.#showTip(event));
    root.addEventListener("mouseleave", () => show(this.tip, false));
    root.addEventListener("scroll", () => show(this.tip, false));
    root.addEventListener("keydown", (event) => this.#key(event));
    closesOnEscape(() => !this.tip.hidden, () => show(this.tip, false));
  }

  setPages(pages) {
    this.pages = pages;
    this.draw();
  }

  select(number) {
    this.selected = number;
    this.draw();
    this.#reveal();
  }

  /** Draws once in the next frame, even if it is called several times before. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#paint(performance.now());
    });
  }

  #paint(now) {
    const width = this.root.clientWidth - 8; // its padding
    if (width <= 0 || !this.pages.length) return;
    this.#measure(width);
    this.colours ??= this.#readColours();
    const context = this.canvas.getContext("2d");
    context.setTransform(this.scale, 0, 0, this.scale, 0, 0);
    context.clearRect(0, 0, width, this.height);
    let moving = false;
    for (const [place, page] of this.pages.entries()) moving = this.#tile(context, place, page, now) || moving;
    this.#describe();
    if (moving) this.draw();
  }

  #measure(width) {
    const size = SIZES.find(({ most }) => this.pages.length <= most);
    const columns = Math.max(1, Math.floor((width - 2 * PADDING + size.gap) / (size.width + size.gap)));
    const height = Math.ceil(this.pages.length / columns) * (size.height + size.gap) - size.gap + 2 * PADDING;
    const scale = window.devicePixelRatio || 1;
    if (width === this.width && height === this.height && scale === this.scale) return;
    Object.assign(this, { size, columns, width, height, scale });
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${height}px`;
  }

  #readColours() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    const kinds = ["text_layer", "deepseek", "nanonets", "vlm", "cpu", "failed", "pending", "reading", "blank", "flag", "number"];
    const found = Object.fromEntries(kinds.map((kind) => [kind, read(`--tile-${kind}`)]));
    return { ...found, ink: read("--ink"), faint: read("--ink-3"), line: read("--line-strong"), font: read("--sans") };
  }

  /** Draws one tile. Returns whether its animation goes on. */
  #tile(context, place, page, now) {
    const { width, height, radius } = this.size;
    const [x, y] = this.#corner(place);
    const kind = tileKind(page);
    const age = page.since ? (now - page.since) / FILL_MILLISECONDS : 1;
    const level = this.calm.matches ? (kind === "reading" ? 0.5 : 1) : kind === "reading" ? breath(now - (page.since || 0)) : Math.min(1, age);
    const path = new Path2D();
    path.roundRect(x, y, width, height, radius);
    context.save();
    context.fillStyle = this.colours.pending;
    context.fill(path);
    context.clip(path);
    if (kind !== "pending" && kind !== "unread") {
      context.fillStyle = this.colours[kind] ?? this.colours.cpu;
      context.fillRect(x, y + height * (1 - level), width, height);
    }
    if (isFlagged(page)) this.#flag(context, x, y);
    context.restore();
    if (kind === "blank" || kind === "unread") this.#outline(context, path);
    if (kind === "failed") this.#cross(context, x, y);
    else if (this.size.number) this.#number(context, x, y, page.number, kind, level);
    if (page.number === this.selected) this.#ring(context, x, y);
    return !this.calm.matches && (kind === "reading" || (!["pending", "unread"].includes(kind) && age < 1));
  }

  #corner(place) {
    const { width, height, gap } = this.size;
    return [PADDING + (place % this.columns) * (width + gap), PADDING + Math.floor(place / this.columns) * (height + gap)];
  }

  #flag(context, x, y) {
    const side = this.size.width * (this.size.number ? 0.42 : 0.62);
    context.fillStyle = this.colours.flag;
    context.beginPath();
    context.moveTo(x + this.size.width - side, y);
    context.lineTo(x + this.size.width, y);
    context.lineTo(x + this.size.width, y + side);
    context.fill();
  }

  #outline(context, path) {
    context.strokeStyle = this.colours.line;
    context.lineWidth = 1;
    context.stroke(path);
  }

  #cross(context, x, y) {
    const { width, height } = this.size;
    const arm = Math.max(2, width * 0.16);
    context.strokeStyle = this.colours.number;
    context.lineWidth = Math.max(1.2, width * 0.07);
    context.beginPath();
    for (const way of [1, -1]) {
      context.moveTo(x + width / 2 - arm, y + height / 2 - arm * way);
      context.lineTo(x + width / 2 + arm, y + height / 2 + arm * way);
    }
    context.stroke();
  }

  #number(context, x, y, number, kind, level) {
    const filled = !["pending", "blank", "unread"].includes(kind) && level > 0.5 && kind !== "reading";
    context.fillStyle = filled ? this.colours.number : this.colours.faint;
    if (kind === "reading") context.fillStyle = this.colours.ink;
    context.font = `560 ${this.size.number}px ${this.colours.font}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(String(number), x + this.size.width / 2, y + this.size.height / 2 + 0.5);
  }

  #ring(context, x, y) {
    context.strokeStyle = this.colours.ink;
    context.lineWidth = 1.75;
    context.beginPath();
    context.roundRect(x - 2, y - 2, this.size.width + 4, this.size.height + 4, this.size.radius + 2);
    context.stroke();
  }

  #describe() {
    const page = this.pages.find(({ number }) => number === this.selected);
    this.root.setAttribute("aria-valuemax", String(this.pages.at(-1).number));
    this.root.setAttribute("aria-valuemin", String(this.pages[0].number));
    if (!page) return;
    this.root.setAttribute("aria-valuenow", String(page.number));
    this.root.setAttribute("aria-valuetext", pageSays(page));
  }

  #reveal() {
    const place = this.pages.findIndex(({ number }) => number === this.selected);
    if (place < 0 || !this.size || this.root.scrollHeight <= this.root.clientHeight) return;
    const [, y] = this.#corner(place);
    if (y < this.root.scrollTop) this.root.scrollTop = y - 8;
    else if (y + this.size.height > this.root.scrollTop + this.root.clientHeight - 8) this.root.scrollTop = y + this.size.height - this.root.clientHeight + 12;
  }

  #at(event) {
    if (!this.size) return undefined;
    const bounds = this.canvas.getBoundingClientRect();
    const { width, height, gap } = this.size;
    const column = Math.floor((event.clientX - bounds.left - PADDING + gap / 2) / (width + gap));
    const row = Math.floor((event.clientY - bounds.top - PADDING + gap / 2) / (height + gap));
    return column >= 0 && column < this.columns && row >= 0 ? this.pages[row * this.columns + column] : undefined;
  }

  #choose(page) {
    if (page) this.onChoose(page.number);
  }

  #showTip(event) {
    const page = this.#at(event);
    show(this.tip, Boolean(page));
    if (!page) return;
    setText(this.tip, pageSays(page));
    const left = Math.min(event.clientX + 12, document.documentElement.clientWidth - this.tip.offsetWidth - 8);
    this.tip.style.left = `${left}px`;
    this.tip.style.top = `${event.clientY + 18}px`;
  }

  #key(event) {
    const last = this.pages.length - 1;
    const place = this.pages.findIndex(({ number }) => number === this.selected);
    const goals = { ArrowRight: place + 1, ArrowLeft: place - 1, ArrowDown: place + this.columns, ArrowUp: place - this.columns, PageDown: place + 10, PageUp: place - 10, Home: 0, End: last };
    const goal = goals[event.key];
    if (goal === undefined || last < 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.#choose(this.pages[Math.min(last, Math.max(0, goal))]);
  }
}

function breath(time) {
  return 0.42 + 0.2 * Math.sin((time / BREATH_MILLISECONDS) * 2 * Math.PI - Math.PI / 2);
}
