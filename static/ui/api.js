// The page's client of the service that it comes from: the one of clients/js, with what only a page knows.

import { Client } from "../client/index.js";
import { byId } from "./dom.js";
import { explain } from "./failure.js";
import { adminToken } from "./memory.js";
import { notice } from "./notices.js";
import { count } from "./words.js";

/** A login that has ended: the page asks for another one. */
const LOGGED_OUT = new Set(["KEY_REQUIRED", "KEY_EXPIRED", "KEY_REVOKED"]);

/** Whether the login is about to end: what is asked from then on would be refused. */
let leaving = false;

/** Asks the service. A lost connection is shown at once, not after further attempts: whoever looks at the page decides. */
export const client = new Client({
  token: adminToken,
  lostAttempts: 1,
  fetch: (...request) => (leaving ? new Promise(() => {}) : fetch(...request)),
  onWait: sayWhy,
  onError: ({ code }) => LOGGED_OUT.has(code) && byId("log-out") && location.reload(),
});

const lastClient = new Client({ token: adminToken });

/** Ends the login. Nothing else is sent from now on, unless that fails. */
export async function logOut() {
  leaving = true;
  try {
    return await lastClient.ask("/logout", { method: "POST" });
  } catch (error) {
    leaving = false;
    throw error;
  }
}

/** A tier that allows few requests makes the whole page wait. */
function sayWhy({ error, seconds }) {
  if (error.code === "RATE_LIMIT_EXCEEDED") notice(`${explain(error)} The page goes on in ${count(Math.ceil(seconds), "second")}.`);
}
