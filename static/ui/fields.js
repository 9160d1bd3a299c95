// Invalid fields: marked visibly and for screen readers until their value changes.

import { byId, el, setText, show } from "./dom.js";

/** Marks a field with its problem, or clears the mark if `problem` is empty. Returns whether there is a problem. */
export function markField(field, problem) {
  const says = byId(`${field.id}-problem`) ?? note(field);
  field.setAttribute("aria-invalid", String(Boolean(problem)));
  if (problem) field.setAttribute("aria-describedby", says.id);
  else field.removeAttribute("aria-describedby");
  setText(says, problem);
  show(says, Boolean(problem));
  return Boolean(problem);
}

function note(field) {
  const says = el("em", { class: "problem", id: `${field.id}-problem`, role: "alert", hidden: true });
  field.after(says);
  field.addEventListener("input", () => markField(field, ""));
  return says;
}
