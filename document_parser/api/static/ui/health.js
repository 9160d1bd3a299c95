// One line on how the service is.

import { byId, setText, show } from "./dom.js";
import { count } from "./words.js";

const SECONDS = 30;

export async function watchHealth() {
  const line = byId("health");
  try {
    const health = await (await fetch("/v1/health/ready")).json();
    line.dataset.state = health.status;
    setText(line, health.status === "down" ? "Not ready" : `${count(health.workers, "worker")} ready`);
    line.title = (health.warnings ?? []).join(" ");
  } catch {
    line.dataset.state = "down";
    setText(line, "No answer");
  }
  show(line);
  setTimeout(watchHealth, SECONDS * 1000);
}
