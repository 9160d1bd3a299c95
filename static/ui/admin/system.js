// The queue, the workers, and the engines with the breakers of their servers, loaded at intervals while they are looked at.

import { client } from "../api.js";
import { byId, el, fill } from "../dom.js";
import { bytes, ENGINES } from "../words.js";
import { figures, moment, named, pill, records, whole } from "./records.js";
import { loading, nothing, notLoaded } from "./states.js";

const SECONDS = 10;
const BREAKERS = { closed: ["Closed: it gets pages", "good"], open: ["Open: left alone", "bad"], half_open: ["Half open: one page tries it", "warn"] };
/** What no waiting mends: whoever looks must log in again. */
const SHUT_OUT = new Set([401, 403]);
const LANES = { express: "Small documents, and those sent as urgent", normal: "The rest", batch: "Large and patient ones" };

export class SystemSection {
  constructor() {
    document.addEventListener("visibilitychange", () => this.isOpen && !document.hidden && this.#load());
  }

  open() {
    this.isOpen = true;
    fill(byId("system-state"), loading("state of the service"));
    this.#load();
  }

  close() {
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  async #load() {
    clearTimeout(this.timer);
    const turn = (this.turn = {});
    let shutOut = false;
    try {
      const [ready, system, { breakers }] = await Promise.all([client.ready(), client.system(), client.askJson("/v1/breakers")]);
      if (this.isOpen && turn === this.turn) redraw(byId("system-state"), stateOf(ready, system, breakers));
    } catch (error) {
      shutOut = SHUT_OUT.has(error.status);
      if (this.isOpen && turn === this.turn) this.#failed(error);
    }
    if (this.isOpen && turn === this.turn && !document.hidden && !shutOut) this.timer = setTimeout(() => this.#load(), SECONDS * 1000);
  }

  /** The same failure is said once, however often it is found. */
  #failed(error) {
    const place = byId("system-state");
    if (place.querySelector(".failure p")?.textContent === error.message) return;
    fill(place, notLoaded(error, "state of the service", () => this.open()));
  }
}

/** Fills a place anew. A table that scrolls keeps the focus and its position. */
function redraw(place, parts) {
  const frames = () => [...place.querySelectorAll(".frame-scroll")];
  const before = frames().map(({ dataset: { label }, scrollLeft }) => ({ label, scrollLeft }));
  const focused = document.activeElement.closest("#system-state .frame-scroll")?.dataset.label;
  fill(place, ...parts);
  for (const frame of frames()) {
    frame.scrollLeft = before.find(({ label }) => label === frame.dataset.label)?.scrollLeft ?? 0;
    if (frame.dataset.label !== focused) continue;
    frame.setAttribute("tabindex", "0");
    frame.focus({ preventScroll: true });
  }
}

function stateOf(ready, system, breakers) {
  return [warnings(ready), numbers(system), block("Queue", lanes(system)), block("Engines", engines(system)), block("Model servers and their breakers", servers(system, breakers))];
}

function block(title, content) {
  return el("section", { class: "block", "aria-label": title }, el("h2", {}, title), content);
}

function warnings({ status, checks = {}, warnings: told = [] }) {
  const faults = Object.entries(checks).filter(([, { ok }]) => !ok).map(([name, { detail }]) => `${ENGINES[name] ?? name}: ${detail}`);
  const all = [...new Set([...faults, ...told])];
  if (!all.length) return el("p", { class: "all-well" }, pill(["Ready", "good"]));
  return el("div", { class: "note", data: { tone: status === "down" ? "bad" : "" } }, el("div", {}, el("b", {}, status === "down" ? "Not ready" : "Works, but"), el("ul", {}, all.map((one) => el("li", {}, one)))));
}

function numbers({ workers, unfinished, most, pages_per_minute: pace, storage, accepting, version }) {
  return figures([
    ["New documents", accepting ? "Accepted" : "Refused"],
    ["Workers", `${workers.busy} of ${workers.alive} busy`],
    ["Jobs not ended", `${whole(unfinished.jobs)}${most.jobs ? ` of ${whole(most.jobs)}` : ""}`],
    ["Pages left", `${whole(unfinished.pages)}${most.pages ? ` of ${whole(most.pages)}` : ""}`],
    ["Pages a minute", pace ? whole(Math.round(pace)) : "–"],
    ["Free space", storage.free_bytes === null ? "–" : bytes(storage.free_bytes)],
    ["Version", version],
  ]);
}

function lanes({ lanes: all }) {
  const order = Object.keys(LANES);
  const rows = Object.entries(all).sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
  if (!rows.length) return nothing("No figures", "Redis is full and measures nothing. The warning above says what to do.");
  return records("Queue by lane", [
    { title: "Lane", cell: ([name]) => named(name, LANES[name] ?? "") },
    { title: "Waiting", kind: "number", cell: ([, { queued }]) => whole(queued) },
    { title: "Not ended", kind: "number", cell: ([, { jobs }]) => whole(jobs) },
    { title: "Pages left", kind: "number", cell: ([, { pages }]) => whole(pages) },
  ], rows);
}

function engines({ engines: all }) {
  const rows = Object.entries(all);
  if (!rows.length) return nothing("No engines", "The settings allow none. INFERENCE_MODE says which are used.");
  return records("Engines", [
    { title: "Engine", cell: ([name]) => ENGINES[name] ?? name },
    { title: "State", cell: ([, { ok }]) => pill(ok ? ["Reads", "good"] : ["Does not read", "bad"]) },
    { title: "Reading now", kind: "number", cell: ([, { in_flight: pages }]) => whole(pages) },
    { title: "Detail", cell: ([, { detail }]) => detail },
  ], rows);
}

function servers({ engines: all }, breakers) {
  if (!breakers.length) return nothing("No model servers", "Pages are read by the CPU alone. INFERENCE_MODE and VLLM_DEEPSEEK_URL say which servers are asked.");
  const seen = {};
  const rows = breakers.map((one) => ({ ...one, requests: all[one.engine]?.servers[(seen[one.engine] = (seen[one.engine] ?? -1) + 1)] ?? 0 }));
  return records("Model servers and their breakers", [
    { title: "Server", cell: ({ engine, server }) => named(server, ENGINES[engine] ?? engine) },
    { title: "Breaker", cell: ({ state, engine }) => pill(state === "closed" && !all[engine]?.ok ? ["Closed, but no answer", "warn"] : BREAKERS[state]) },
    { title: "Faults in a row", kind: "number", cell: ({ faults }) => whole(faults) },
    { title: "Pages there now", kind: "number", cell: ({ requests }) => whole(requests) },
    { title: "Tried again", cell: ({ retry_at: at }) => moment(at) },
  ], rows);
}
