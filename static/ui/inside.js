// The documents inside a document: attachments of a mail, files of an archive, each with a link to its own result.

import { client } from "./api.js";
import { byId, el, fill, setText, show } from "./dom.js";
import { count } from "./words.js";

/** Shows the list below the progress of a job; nothing if there are none. `current()` returns the job that is shown. */
export async function showInside(id, number, current) {
  if (!number) return show(byId("inside"), false);
  const { children } = await client.children(id);
  if (current() !== id) return undefined;
  setText(byId("inside-title"), `${count(children.length, "document")} inside`);
  fill(byId("inside-rows"), children.map(row));
  return show(byId("inside"), children.length > 0);
}

function row({ name, job_id: id, error }) {
  const shown = id ? el("a", { href: `#/jobs/${id}`, title: name }, name) : el("span", { title: name }, name);
  return el("li", { class: "file" }, el("i", { "aria-hidden": "true", data: { tone: id ? "" : "bad" } }), el("b", {}, shown), el("span", {}, id ? "" : "Not read"), error && el("p", {}, error.message));
}
