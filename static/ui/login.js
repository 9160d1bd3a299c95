// Logging in and out, where each caller sees its own documents only. What proves a login is in a cookie that no script can read.

import { ask } from "./api.js";
import { byId, setText, show } from "./dom.js";
import { notice } from "./notices.js";

const FAILED = {
  LOGIN_FAILED: "The login was refused, or took over ten minutes. Try again.",
  LOGIN_PROVIDER_UNAVAILABLE: "The login provider does not answer. Try again later, or use an API key.",
  LOGIN_OFF: "This service has no login provider. Use an API key.",
  TOKEN_INVALID: "The login provider names nobody who may use this service. Ask the operator.",
  TOKEN_EXPIRED: "The login took too long, or the clocks of the service and of the provider differ. Try again.",
};

export function needsLogin() {
  return "needsLogin" in document.documentElement.dataset;
}

/** Connects what the page has for logging in or out. */
export function offerLogin() {
  byId("log-out")?.addEventListener("click", logOut);
  if (!needsLogin()) return;
  byId("key-login")?.addEventListener("submit", logIn);
  const code = new URLSearchParams(location.search).get("login");
  if (code !== null) history.replaceState(null, "", location.pathname);
  if (code) complain(FAILED[code] ?? "The login did not succeed. Try again.");
}

async function logIn(event) {
  event.preventDefault();
  const field = byId("api-key");
  const key = field.value.trim();
  if (!key) return complain("Enter an API key.", field);
  try {
    await ask("/login", { method: "POST", json: { key } });
    location.reload();
  } catch (error) {
    complain(error.message, field);
  }
}

async function logOut() {
  try {
    await ask("/logout", { method: "POST" });
    location.assign("/");
  } catch (error) {
    notice(error.message, "bad");
  }
}

/** Says beside the form what is wrong. */
export function complain(message, field) {
  setText(byId("login-problem"), message);
  show(byId("login-problem"));
  field?.setAttribute("aria-invalid", "true");
  field?.focus();
}
