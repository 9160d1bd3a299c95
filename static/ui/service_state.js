// The state of the service and its engines: one line in the header, loaded at intervals while the page is visible.

import { client } from "./api.js";
import { byId, setText, show } from "./dom.js";
import { count, ENGINES } from "./words.js";

const SECONDS = 10;
export const MODELS = ["deepseek", "nanonets", "vlm"];

/** `onEngines(engines)` is called with the state of each engine the settings allow: name to {ok, detail}. */
export function watchService(onEngines) {
  let timer;
  const ask = async () => {
    clearTimeout(timer);
    await look(onEngines);
    if (!document.hidden) timer = setTimeout(ask, SECONDS * 1000);
  };
  document.addEventListener("visibilitychange", () => !document.hidden && ask());
  return ask();
}

async function look(onEngines) {
  try {
    const [ready, system] = await Promise.all([client.ready(), client.system({ attempts: 1 }).catch(() => ({}))]);
    const readers = system.engines ? whoReads(system.engines) : "";
    const state = ready.status === "down" ? "Not ready" : `${count(ready.workers, "worker")} ready`;
    tell(ready.status, state + (readers && ` · ${readers}`), [...(ready.warnings ?? []), whichScripts(system.scripts)].join(" ").trim());
    if (system.engines) onEngines(system.engines);
  } catch {
    tell("down", "No answer", "");
  }
}

function tell(state, text, more) {
  const line = byId("health");
  line.dataset.state = state;
  setText(line, text);
  line.title = more;
  show(line);
}

/** Which scripts are read in scans without a model; empty where no worker says it. */
function whichScripts(scripts) {
  return scripts?.length ? `Without a model, scans are read in these scripts: ${scripts.join(", ")}.` : "";
}

/** Which engines read, in a few words; empty if all model servers answer. */
function whoReads(engines) {
  const models = MODELS.filter((name) => name in engines);
  const away = models.filter((name) => !engines[name].ok);
  if (!models.length) return "CPU only, no model server is used";
  if (away.length < models.length) return away.map((name) => `${ENGINES[name]} does not answer`).join(", ");
  return Object.keys(engines).length > models.length ? "CPU only, no model server answers" : "no model server answers";
}
