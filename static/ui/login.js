// Logging in and out, where each caller sees its own documents only. What proves a login is in a cookie that no script can read.

import { client, logOut } from "./api.js";
import { byId, setText, show } from "./dom.js";
import { onceAtATime } from "./fields.js";
import { keepPlace, takePlace } from "./memory.js";
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

/** Connects what the page has for logging in or out. Who comes back from the provider goes on where the login began. */
export function offerLogin() {
  byId("log-out")?.addEventListener("click", leave);
  byId("provider-login")?.addEventListener("click", () => keepPlace(location.pathname, location.hash));
  if (byId("key-login")) onceAtATime(byId("key-login"), logIn);
  if (!needsLogin()) return goOn();
  const code = new URLSearchParams(location.search).get("login");
  if (code !== null) history.replaceState(null, "", location.pathname + location.hash);
  return code ? complain(FAILED[code] ?? "The login did not succeed. Try again.") : undefined;
}

function goOn() {
  const hash = takePlace(location.pathname);
  if (hash && !location.hash) history.replaceState(null, "", hash);
}

async function logIn() {
  const field = byId("api-key");
  const key = field.value.trim();
  if (!key) return complain("Enter an API key.", field);
  try {
    await client.ask("/login", { method: "POST", json: { key }, attempts: 1 });
    return location.reload();
  } catch (error) {
    return complain(error.message, field);
  }
}

async function leave() {
  try {
    await logOut();
    location.assign("/");
  } catch (error) {
    notice(error.message, "bad");
  }
}

/** Says beside the form what is wrong. */
export function complain(message, field) {
  setText(byId("login-problem"), message);
  show(byId("login-problem"));
  if (!field) return;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", "login-problem");
  field.focus();
}
