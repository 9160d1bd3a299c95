// Emphasis, code and formulas inside a line, as nodes. Anything that is not clearly one of these stays text.

import { el } from "./dom.js";

const TOKEN = /(?<code>`[^`\n]+`)|(?<formula>\$\$[^$]+\$\$|\$(?=[^\s$])[^$\n]*?[^\s$\\]\$(?![\d$]))|(?<bold>\*\*(?=\S)(?:[^*\n]|\*(?!\*))+?(?<=\S)\*\*)|(?<italic>(?<![\w*])\*(?=[^\s*])[^*\n]*?(?<=[^\s*])\*(?![\w*]))|(?<line>\n)/g;
const LONGEST_LINE = 20_000;

/** Text as nodes: <strong>, <em>, <code>, line breaks and text. */
export function inline(text) {
  if (text.length > LONGEST_LINE) return [text];
  const nodes = [];
  let at = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > at) nodes.push(text.slice(at, match.index));
    nodes.push(node(match));
    at = match.index + match[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

/** Text as it is, with its line breaks. */
export function lines(text) {
  return text.split("\n").flatMap((line, index) => (index ? [el("br"), line] : [line]));
}

function node({ 0: all, groups }) {
  if (groups.line) return el("br");
  if (groups.code) return el("code", {}, all.slice(1, -1));
  if (groups.bold) return el("strong", {}, inline(all.slice(2, -2)));
  if (groups.italic) return el("em", {}, inline(all.slice(1, -1)));
  // Money is no formula: "$5 and $6" holds no sign of mathematics.
  return /[\\^_={}<>+]|^\$+.$|^\$[a-zA-Z]\w{0,3}\$$/.test(all) ? el("code", { class: "math" }, all.replace(/^\$+|\$+$/g, "")) : all;
}
