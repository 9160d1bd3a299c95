// Esc closes what is open, what lies on top first, wherever the focus is.

const closable = [];

/** Ties something that opens to Esc: `isOpen()`, and `close()`, which gives the focus back. What is tied later lies on top. */
export function closesOnEscape(isOpen, close) {
  closable.unshift({ isOpen, close });
}

document.addEventListener("keydown", (event) => {
  // An open dialog closes by itself.
  if (event.key !== "Escape" || event.defaultPrevented || document.querySelector("dialog[open]")) return;
  const top = closable.find(({ isOpen }) => isOpen());
  if (!top) return;
  event.preventDefault();
  top.close();
});
