// The choices that are available now: those that no engine can serve are greyed and say why.

import { byId, setText } from "./dom.js";
import { MODELS } from "./service_state.js";

/** Greys or enables the choices of both forms. `engines` maps names to {ok, detail}. */
export function offer(engines) {
  const models = MODELS.some((name) => engines[name]?.ok);
  document.body.dataset.models = models ? "some" : "none";
  offerMaximum(models);
  for (const option of byId("reread").elements.engine.options) offerEngine(option, engines[option.value]);
  const maximum = byId("reread").elements.accuracy_mode.querySelector('[value="maximum"]');
  if (maximum) setOption(maximum, models ? "" : "no model server answers");
}

/** A choice that was selected before is selected again as soon as it is available. */
function offerMaximum(models) {
  const modes = byId("options").elements.accuracy_mode;
  const maximum = [...modes].find(({ value }) => value === "maximum");
  if ("notInTier" in maximum.dataset || maximum.disabled === !models) return;
  maximum.disabled = !models;
  if (maximum.checked) maximum.dataset.wished = "yes";
  const other = [...modes].findLast((mode) => mode !== maximum && !("notInTier" in mode.dataset))?.value;
  if (!models && maximum.checked && other) modes.value = other;
  else if (maximum.dataset.wished && modes.value === other) modes.value = "maximum";
  byId("options").dispatchEvent(new Event("input"));
}

function offerEngine(option, state) {
  setOption(option, !state || state.ok ? "" : state.detail.split(/[;(]|\. /)[0].trim());
}

function setOption(option, reason) {
  option.dataset.label ??= option.textContent;
  setText(option, reason ? `${option.dataset.label} (${reason})` : option.dataset.label);
  option.disabled = Boolean(reason);
  const select = option.closest("select");
  if (reason && option.selected) select.value = "";
}
