// The ways to add a document: choose a file, drop it anywhere, paste it, take a sample, or give a link.

import { client } from "./api.js";
import { byId, show } from "./dom.js";
import { markField } from "./fields.js";
import { Link } from "./link.js";
import { paths } from "./memory.js";
import { trouble } from "./notices.js";

/** `onFiles(list of File or Link)` is called for every batch; it returns whether they are sent. */
export function takeFiles(onFiles) {
  const input = byId("files");
  input.addEventListener("change", () => {
    const chosen = [...input.files];
    input.value = "";
    if (chosen.length) onFiles(chosen);
  });
  byId("drop").addEventListener("click", (event) => {
    if (!event.target.closest("label, input")) input.click();
  });
  takeDropped(onFiles);
  document.addEventListener("paste", (event) => {
    const pasted = [...(event.clipboardData?.files ?? [])];
    if (!pasted.length) return;
    event.preventDefault();
    onFiles(pasted);
  });
  takeLink(onFiles);
  for (const button of document.querySelectorAll("[data-sample]")) button.addEventListener("click", () => takeSample(button, onFiles));
}

function takeLink(onFiles) {
  const field = byId("link");
  byId("link-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const address = field.value.trim();
    const wrong = /^(https?|s3):\/\/[^/\s]/i.test(address) ? "" : "A link begins with https://, http:// or s3://.";
    if (markField(field, wrong)) return field.focus();
    if (onFiles([new Link(address)])) field.value = "";
  });
}

function takeDropped(onFiles) {
  const veil = byId("drop-veil");
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  let depth = 0;
  const enter = (by) => {
    depth = Math.max(0, depth + by);
    show(veil, depth > 0);
  };
  document.addEventListener("dragenter", (event) => carriesFiles(event) && enter(1));
  document.addEventListener("dragleave", (event) => carriesFiles(event) && enter(-1));
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    show(veil, false);
    filesOf(event.dataTransfer).then((dropped) => dropped.length && onFiles(dropped), trouble);
  });
}

/** All files that were dropped, those of folders included. Entries must be asked for before the event is over. */
async function filesOf(transfer) {
  const plain = [...transfer.files];
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return plain;
  return (await Promise.all(entries.map((entry) => filesBelow(entry)))).flat();
}

async function filesBelow(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    paths.set(file, entry.fullPath.replace(/^\//, ""));
    return [file];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    // A reader gives a part of the folder at a time, and an empty list at the end.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const child of part.sort((one, other) => one.name.localeCompare(other.name))) found.push(...(await filesBelow(child)));
  }
}

async function takeSample(button, onFiles) {
  button.disabled = true;
  try {
    const answer = await client.ask(button.dataset.sample, { headers: { Accept: "*/*" }, attempts: 1 });
    onFiles([new File([await answer.blob()], button.dataset.name, { type: "application/pdf" })]);
  } catch (error) {
    trouble(error);
  }
  button.disabled = false;
}
