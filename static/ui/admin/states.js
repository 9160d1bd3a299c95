// What a section shows while its data comes, if it does not come, and if there is none.

import { el } from "../dom.js";

export function loading(what) {
  return el("p", { class: "hint waiting", role: "status" }, `Loading the ${what} …`);
}

/** Why something was not loaded, and what to do. A login that has ended is asked for again by loading the page. */
export function notLoaded(error, what, retry) {
  const ended = error.status === 401 || error.status === 403;
  const act = () => (ended ? location.reload() : retry());
  return el(
    "div",
    { class: "card failure", role: "alert" },
    el("h2", {}, `The ${what} could not be loaded`),
    el("p", {}, error.message),
    el("div", { class: "row" }, el("button", { class: "button", type: "button", on: { click: act } }, ended ? "Log in again" : "Try again"), el("code", { class: "code" }, error.code)),
  );
}

export function nothing(title, advice) {
  return el("div", { class: "empty" }, el("b", {}, title), advice);
}
