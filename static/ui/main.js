// The page: which view the address selects, and how the parts are connected.

import { BatchView } from "./batch_view.js";
import { curlLines } from "./curl.js";
import { byId, setText, show } from "./dom.js";
import { takeFiles } from "./intake.js";
import { JobView } from "./job_view.js";
import { JobsList } from "./jobs_list.js";
import { needsLogin, offerLogin } from "./login.js";
import { copy, notice } from "./notices.js";
import { offer } from "./offers.js";
import { checkOptions, clearPassword, markOptions, optionsAreFine, readOptions, setOption } from "./options.js";
import { Queue } from "./queue.js";
import { watchService } from "./service_state.js";
import { shortcuts } from "./shortcuts.js";

const BATCH = /^#\/batches\/([0-9a-f-]{36})$/;
const ADDRESS = /^#\/jobs\/([0-9a-f-]{36})(?:\/pages\/(\d{1,9}))?$/;

const queue = new Queue(Number(document.documentElement.dataset.maxUploadMb), accepted, markOptions);
const job = new JobView({ onSendAgain: sendAgain, onKeepFurniture: keepFurniture, onStatus: (status) => jobs.tell(status), onChanged: () => jobs.refresh() });
const batch = new BatchView(() => jobs.refresh());
const jobs = new JobsList((status) => queue.tell(status));

function accepted(address, alone) {
  jobs.refresh();
  if (alone) location.hash = address;
}

function route() {
  const match = ADDRESS.exec(location.hash);
  const files = BATCH.exec(location.hash);
  const view = match ? "job" : files ? "batch" : "upload";
  const moved = document.body.dataset.view && document.body.dataset.view !== view;
  document.body.dataset.view = view;
  show(byId("job-view"), Boolean(match));
  show(byId("batch-view"), Boolean(files));
  show(byId("upload-view"), view === "upload");
  jobs.setCurrent((match ?? files)?.[1]);
  if (!match) job.close();
  if (!files) batch.close();
  if (match) job.open(match[1], match[2] ? Number(match[2]) : undefined);
  else if (files) batch.open(files[1]);
  else document.title = "Document parser";
  if (!moved) return;
  scrollTo(0, 0);
  byId({ job: "job-title", batch: "batch-title", upload: "main" }[view]).focus({ preventScroll: true });
}

function send(files) {
  if (document.body.dataset.view !== "upload") location.hash = "#/";
  if (!optionsAreFine()) return false;
  queue.add(files, readOptions());
  clearPassword();
  showCurl();
  return true;
}

/** Sends a file again with other options, its password for example; its upload is shown like any other. */
function sendAgain(file, options) {
  location.hash = "#/";
  queue.add([file], options);
}

/** Reads a document again with its page headers and footers; `file` is the file that was sent, if this visit still has it. */
function keepFurniture(file, options) {
  if (file) return sendAgain(file, { ...options, headers_footers: "keep" });
  location.hash = "#/";
  route();
  setOption("headers_footers", "keep");
  return notice("Choose the file again. Its page headers and footers will be kept.");
}

function showCurl() {
  const { password, ...options } = readOptions();
  setText(byId("curl"), curlLines("document.pdf", options, { password: Boolean(password) }));
}

takeFiles(send);
shortcuts(job, () => document.body.dataset.view === "job");
byId("options").addEventListener("input", showCurl);
byId("options").addEventListener("submit", (event) => event.preventDefault());
for (const name of ["page_range", "retention_hours"]) byId("options").elements[name].addEventListener("change", checkOptions);
byId("copy-curl").addEventListener("click", () => copy(byId("curl").textContent, "Command"));
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("main").focus();
});
showCurl();
offerLogin();
if (!needsLogin()) {
  addEventListener("hashchange", route);
  route();
  jobs.refresh();
  watchService(offer);
}
