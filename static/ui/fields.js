// Fields that were not understood: marked for the eye and for a screen reader, until something else is typed.

import { byId, el, setText, show } from "./dom.js";

/** Marks a field with what is wrong, or clears it where `problem` is empty. Whether something is wrong. */
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
