// Emphasis and links of a text, as nodes. Addresses come from documents: only those of the web and of mail become links.

import { el } from "./dom.js";

const ADDRESS = /^(?:https?:\/\/|mailto:)/i;

/** A text of whose first `skip` characters nothing is shown; `flow` makes nodes of the pieces. Spans count whole characters, not UTF-16 units. */
export function styled(text, spans, flow, skip = 0) {
  const shown = text.slice(skip);
  if (!spans?.length) return flow(shown);
  const characters = Array.from(shown);
  const left = Array.from(text).length - characters.length;
  const nodes = [];
  let at = 0;
  for (const span of spans) {
    const start = Math.max(at, span.start - left);
    const end = Math.min(characters.length, span.end - left);
    if (end <= start) continue;
    nodes.push(...flow(characters.slice(at, start).join("")), node(span, flow(characters.slice(start, end).join(""))));
    at = end;
  }
  return [...nodes, ...flow(characters.slice(at).join(""))];
}

function node(span, inside) {
  let made = span.code ? [el("code", {}, inside)] : inside;
  if (span.italic) made = [el("em", {}, made)];
  if (span.bold) made = [el("strong", {}, made)];
  if (span.struck) made = [el("s", {}, made)];
  if (span.link && ADDRESS.test(span.link)) made = [el("a", { href: span.link, target: "_blank", rel: "noopener noreferrer nofollow" }, made)];
  return made.length === 1 ? made[0] : el("span", {}, made);
}
