// Who may see the page. The server says what this browser lacks; the operator's token is known to this tab alone.

import { client } from "../api.js";
import { byId, show } from "../dom.js";
import { onceAtATime } from "../fields.js";
import { complain, offerLogin } from "../login.js";
import { adminToken, keepAdminToken } from "../memory.js";

/** Calls `enter()` once this browser may see the page; offers a login until then. */
export async function passGate(enter) {
  offerLogin();
  byId("forget-token").addEventListener("click", () => {
    keepAdminToken("");
    location.reload();
  });
  const form = byId("operator-token-form");
  if (form) onceAtATime(form, () => useToken(enter));
  show(byId("forget-token"), adminToken() !== "");
  if (document.documentElement.dataset.access === "granted") enter();
  else if (adminToken() === "" || !(await tokenWorks())) show(byId("login-view"));
  else open(enter);
}

async function useToken(enter) {
  const field = byId("operator-token");
  if (!field.value.trim()) return complain("Enter the token.", field);
  keepAdminToken(field.value.trim());
  field.value = "";
  return (await tokenWorks()) ? open(enter) : undefined;
}

/** A token that is refused is forgotten: if it were sent again and again, each time would count as a guess. */
async function tokenWorks() {
  try {
    await client.ask("/v1/breakers", { attempts: 1 });
    return true;
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) {
      complain(error.message, byId("operator-token"));
      return false;
    }
    keepAdminToken("");
    show(byId("forget-token"), false);
    complain("The token was not accepted. docparse operator-token prints it on the machine.", byId("operator-token"));
    return false;
  }
}

function open(enter) {
  byId("login-view").remove();
  delete document.documentElement.dataset.needsLogin;
  show(byId("forget-token"));
  enter();
}
