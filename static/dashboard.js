// The dashboard: reloads its own pages at intervals while they are visible, and adds what rq-dashboard does not show.

const FIELDS = ":is(input, select)[title]:not([aria-label])";

for (const field of document.querySelectorAll(FIELDS)) field.setAttribute("aria-label", field.title);

/** Makes tables that scroll sideways reachable with the keyboard. */
function reachable(frame) {
  const scrolls = frame.scrollWidth > frame.clientWidth + 1;
  for (const [name, value] of Object.entries({ tabindex: "0", role: "region", "aria-label": "Table, scrolls sideways" })) {
    if (scrolls) frame.setAttribute(name, value);
    else frame.removeAttribute(name);
  }
}

const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => reachable(target.closest("[class*=table-responsive]"))));

function watchFrames() {
  sizes.disconnect();
  for (const table of document.querySelectorAll("[class*=table-responsive] > table")) {
    sizes.observe(table);
    sizes.observe(table.parentElement);
  }
}

/** Loads the page again. It stays as it is while the focus is in it, so that a focused link keeps the focus. */
async function renew() {
  const main = document.querySelector("main");
  if (document.hidden || main.contains(document.activeElement) || !document.getElementById("autorefresh-switch").checked) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  main.replaceChildren(...fresh.querySelector("main").childNodes);
  watchFrames();
  if (!fresh.body.dataset.refresh) clearInterval(clock);
}

const seconds = Number(document.body.dataset.refresh);
const clock = seconds ? setInterval(renew, seconds * 1000) : 0;
watchFrames();
