// Charts as inline SVG, drawn for the width they have. Each says in words what it shows, and has its figures in a table.

import { el, fill } from "../dom.js";
import { records, whole } from "./records.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 220;
const MARGIN = { top: 10, right: 4, bottom: 24, left: 52 };
const LABEL_WIDTH = 76;
const TICKS = 4;
const GAP_SHARE = 0.22;

function svg(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A bar whose length is a share of its place. What it shows is written beside it. */
export function shareBar(share, kind = "") {
  return svg("svg", { class: "share-bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" }, svg("rect", { class: "rest", width: 100, height: 8 }), svg("rect", { class: "bar", "data-kind": kind, width: (100 * share).toFixed(2), height: 8 }));
}

/**
 * Bars over time, each stacked by series. `points` are {name, says, values}: `values` has a number for each name of a series;
 * `series` are {name, title, kind} from below to above, `unit` names what is counted.
 */
export function timeChart({ title, unit, points, series, summary }) {
  const drawing = svg("svg", { class: "chart", role: "img", "aria-label": `${title}. ${summary}` });
  const box = el("div", { class: "chart-box" });
  box.append(drawing);
  new ResizeObserver(([{ contentRect }]) => draw(drawing, contentRect.width, points, series, unit)).observe(box);
  const legend = el("ul", { class: "legend", "aria-hidden": "true" }, series.map(({ title: name, kind }) => el("li", {}, el("i", { class: "swatch", data: { kind } }), name)));
  const columns = [{ title: "Time", cell: ({ name }) => name }, { title: "All", kind: "number", cell: (point) => whole(sum(point)) }, ...series.map(({ name, title: shown }) => ({ title: shown, kind: "number", cell: ({ values }) => whole(values[name] ?? 0) }))];
  const table = el("details", { class: "figures-table" }, el("summary", {}, "The figures as a table"), records(`${title}, by engine`, columns, points));
  return el("figure", { class: "card chart-card" }, el("figcaption", {}, el("h2", {}, title), el("p", { class: "hint" }, summary)), box, legend, table);
}

function sum({ values }) {
  return Object.values(values).reduce((total, value) => total + value, 0);
}

function draw(drawing, width, points, series, unit) {
  if (width < 1) return;
  const inner = { width: width - MARGIN.left - MARGIN.right, height: HEIGHT - MARGIN.top - MARGIN.bottom };
  const top = niceTop(Math.max(...points.map(sum), 1));
  const y = (value) => MARGIN.top + inner.height * (1 - value / top);
  drawing.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  drawing.setAttribute("width", width);
  drawing.setAttribute("height", HEIGHT);
  fill(drawing, ...grid(top, width, y), ...bars(points, series, unit, inner.width, y), ...dates(points, inner.width));
}

function grid(top, width, y) {
  return Array.from({ length: TICKS + 1 }, (_, index) => (top * index) / TICKS).flatMap((value) => [
    svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
    svg("text", { class: "tick", x: MARGIN.left - 8, y: y(value) + 4, "text-anchor": "end" }, short(value)),
  ]);
}

function bars(points, series, unit, width, y) {
  const step = width / points.length;
  return points.map((point, index) => {
    const group = svg("g", {}, svg("title", {}, `${point.name}: ${whole(sum(point))} ${unit}`));
    let below = 0;
    for (const { name, kind } of series) {
      const value = point.values[name] ?? 0;
      if (value) group.append(svg("rect", { class: "bar", "data-kind": kind, x: (MARGIN.left + step * (index + GAP_SHARE / 2)).toFixed(2), width: Math.max(0.5, step * (1 - GAP_SHARE)).toFixed(2), y: y(below + value).toFixed(2), height: Math.max(0.5, y(below) - y(below + value)).toFixed(2) }));
      below += value;
    }
    return group;
  });
}

function dates(points, width) {
  const step = width / points.length;
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  return points.flatMap(({ says }, index) => (index % every ? [] : [svg("text", { class: "tick", x: MARGIN.left + step * (index + 0.5), y: HEIGHT - 6, "text-anchor": "middle" }, says)]));
}

/** The smallest top of the scale whose ticks are whole and round. */
function niceTop(most) {
  const least = Math.max(1, most / TICKS);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((one) => one >= least && Number.isInteger(one));
  return step * TICKS;
}

function short(value) {
  return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}
