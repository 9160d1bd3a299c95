// What the tiles of the page map mean: only the kinds that occur, with their counts.

import { el, setText, show } from "./dom.js";

const KINDS = [
  ["text_layer", "Text layer"],
  ["deepseek", "DeepSeek-OCR"],
  ["nanonets", "Nanonets-OCR2"],
  ["vlm", "Own model"],
  ["cpu", "CPU engine"],
  ["blank", "Blank"],
  ["flagged", "Flagged"],
  ["failed", "Failed"],
  ["reading", "Being read"],
  ["pending", "Waiting"],
  ["unread", "Not read"],
];

/** The rows are created once; when counts change, only their text changes. */
export class Legend {
  constructor(root) {
    this.rows = KINDS.map(([kind, name]) => {
      const number = el("b");
      const row = el("li", { hidden: true }, el("span", { class: "swatch", data: { kind }, "aria-hidden": "true" }), name, number);
      return { kind, row, number };
    });
    root.replaceChildren(...this.rows.map(({ row }) => row));
  }

  set(counts) {
    for (const { kind, row, number } of this.rows) {
      show(row, Boolean(counts[kind]));
      setText(number, (counts[kind] ?? 0).toLocaleString("en"));
    }
  }
}
