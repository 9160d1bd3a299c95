// Forms: sent once at a time; invalid fields are marked visibly and for screen readers until their value changes.

import { byId, el, setText, show } from "./dom.js";

/** Calls `act()` when a form is sent, once at a time. Meanwhile the form says that it is busy. */
export function onceAtATime(form, act) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    try {
      await act();
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

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
