// The admin page: who may see it, and which section the address opens.

import { byId, show } from "../dom.js";
import { readAddress } from "./address.js";
import { AuditSection } from "./audit.js";
import { FailuresSection } from "./failures.js";
import { passGate } from "./gate.js";
import { JobSection } from "./job.js";
import { JobsSection } from "./jobs.js";
import { KeysSection } from "./keys.js";
import { SystemSection } from "./system.js";
import { TiersSection } from "./tiers.js";
import { UsageSection } from "./usage.js";
import { WebhooksSection } from "./webhooks.js";

const KINDS = { system: SystemSection, usage: UsageSection, jobs: JobsSection, job: JobSection, failures: FailuresSection, keys: KeysSection, tiers: TiersSection, webhooks: WebhooksSection, audit: AuditSection };
const START = "system";

let sections;
let opened;
let openedId;

function route() {
  const { section, id, asked } = readAddress();
  const name = section === "jobs" && id ? "job" : Object.hasOwn(KINDS, section) && section !== "job" ? section : START;
  const moved = opened && (opened !== name || openedId !== id);
  if (moved) sections[opened].close();
  [opened, openedId] = [name, id];
  document.body.dataset.view = `admin-${name}`;
  for (const other of Object.keys(KINDS)) show(byId(`${other}-view`), other === name);
  for (const link of byId("side").querySelectorAll("a")) mark(link, link.dataset.section === (name === "job" ? "jobs" : name));
  document.title = `${byId(`${name}-title`).textContent} · Admin · Document parser`;
  sections[name].open(asked, id);
  if (!moved) return;
  scrollTo(0, 0);
  byId(`${name}-title`).focus({ preventScroll: true });
}

function mark(link, isCurrent) {
  if (!isCurrent) return link.removeAttribute("aria-current");
  link.setAttribute("aria-current", "page");
  return link.scrollIntoView({ block: "nearest", inline: "center" });
}

byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
passGate(() => {
  sections = Object.fromEntries(Object.entries(KINDS).map(([name, Kind]) => [name, new Kind(route)]));
  addEventListener("hashchange", route);
  route();
});
