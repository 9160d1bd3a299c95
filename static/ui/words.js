// Texts for codes, and numbers in words.

export const ENDED = new Set(["completed", "failed", "cancelled"]);

export const ENGINES = {
  text_layer: "Text layer",
  deepseek: "DeepSeek-OCR",
  nanonets: "Nanonets-OCR2",
  vlm: "Own model",
  rapidocr: "RapidOCR (CPU)",
  tesseract: "Tesseract (CPU)",
  pdfplumber: "pdfplumber (second reader)",
  cpu: "CPU engine",
};

export const WARNINGS = {
  engine_fallback: "Another engine than the first choice read this page.",
  loop_cut: "The model began to repeat itself. The repetition was removed.",
  truncated: "The model stopped before the end of the page.",
  low_coverage: "The text may lack a part of the page.",
  suspect_fabrication: "Some of the text may not be on the page.",
  number_mismatch: "Numbers differ between two readings of the page.",
  low_confidence: "The engine was unsure about much of this page.",
  script_unreadable: "This page is in letters that no engine here can read.",
  low_agreement: "Two readings of this page disagree.",
  rotated: "The page was turned upright.",
  bad_text_layer: "The text layer was not sound. The page was read in another way.",
  hidden_text: "The file has text that cannot be seen on this page. It was left out.",
  damaged_data: "Data of this page is damaged in the file. Some of it may be missing.",
  cut_off: "The file ends early and has only a part of this image.",
  repaired: "The structure of the file was damaged and has been rebuilt.",
  uncached_formula: "Formulas have no stored result. Their values are missing here.",
  first_frame_only: "The image has more frames. Only the first one was read.",
  hidden_content: "A part of the document is hidden. The text leaves it out.",
  not_read: "A part of the document could not be read.",
  converted: "The document is of an old format and was converted by LibreOffice before it was read.",
  recomputed_fields: "Dates or times of the document were computed anew. They are not those of when it was saved.",
  page_failed: "The page could not be read.",
};

/** Warnings of a page that need no attention. */
export const HARMLESS = new Set(["rotated", "repaired", "hidden_content", "converted"]);

export const PAGE_ERRORS = {
  PAGE_UNREADABLE: "This page cannot be read.",
  PAGE_DAMAGED: "The data of this page is damaged in the file.",
  PAGE_NOT_READ: "The job was cancelled before this page was read.",
  PAGE_TIMEOUT: "This page was not read within its deadline.",
  PAGE_TOO_LARGE: "The image of this page has too many pixels.",
  PAGE_CRASHES_PARSER: "Rendering this page exhausted its limits or crashed the parser.",
  PAGE_TOO_SLOW: "This page could not be opened in time.",
  WORKER_CRASHED: "The worker died twice while it read this page.",
  NO_ENGINE: "No engine could read this page.",
};

const KINDS = {
  title: "Title", heading: "Heading", paragraph: "Paragraph", list_item: "List item", table: "Table", figure: "Figure",
  caption: "Caption", formula: "Formula", code: "Code", footnote: "Footnote", page_header: "Page header",
  page_footer: "Page footer", page_number: "Page number", signature: "Signature", watermark: "Watermark", checkbox: "Checkbox",
};

export function kindName(kind) {
  return KINDS[kind] ?? kind;
}

const LOCATIONS = { body: "Text of the document", sheet: "Sheet", slide: "Slide", message: "Message", chapter: "Chapter", contents: "Contents" };

/** What stands in place of the image of a part that has none: where the part is. */
export function locationWords({ kind, name, range }) {
  const place = [LOCATIONS[kind] ?? kind, name, range].filter(Boolean).join(" · ");
  return `${place}. It was read from the structure of the file, which has no picture of it.`;
}

/** Whether a page of a finished job is being read again, or will be. */
export function isRereading(status) {
  return String(status.stage).startsWith("rereading");
}

/** A job's state as a short phrase and a tone: good, busy, warn, bad or none. */
export function jobState(status) {
  switch (status.status) {
    case "queued": return ["Queued", "busy"];
    case "processing": return [{ fetching: "Fetching", opening: "Opening", assembling: "Writing" }[status.stage] ?? "Reading", "busy"];
    case "completed": if (isRereading(status)) return ["Reading again", "busy"];
      if (status.complete === false) return ["Done, with gaps", "warn"];
      return status.progress.flagged_pages ? [`Done, ${count(status.progress.flagged_pages, "page")} flagged`, "warn"] : ["Done", "good"];
    case "failed": return ["Not read", "bad"];
    case "cancelled": return ["Cancelled", ""];
    default: return [String(status.status), ""];
  }
}

/** A batch's state as a short phrase and a tone. */
export function batchState(status) {
  return { processing: ["Reading", "busy"], completed: ["Done", "good"], partial: ["Done, not all of it", "warn"], failed: ["Not read", "bad"] }[status] ?? [String(status), ""];
}

/** The state of a file of a batch as a short phrase and a tone. */
export function fileState({ status, total_pages: pages, finished_pages: finished, flagged_pages: flagged }) {
  const all = pages ? count(pages, "page") : "";
  switch (status) {
    case "queued": return ["Queued", "busy"];
    case "processing": return [pages ? `${finished} of ${all}` : "Opening", "busy"];
    case "completed": return flagged ? [`${all}, ${flagged} flagged`, "warn"] : [all || "Done", "good"];
    case "incomplete": return [`${all}, with gaps`, "warn"];
    case "failed":
    case "refused": return ["Not read", "bad"];
    case "cancelled": return ["Cancelled", ""];
    case "deleted": return ["Deleted", ""];
    case "expired": return ["Expired", ""];
    default: return [String(status), ""];
  }
}

/** A page's state in words: what a tile, a tip or a screen reader says. */
export function pageSays(page) {
  const parts = [`Page ${page.number}: ${stateSays(page)}`];
  for (const code of page.warnings) parts.push(WARNINGS[code] ?? code);
  return parts.join(". ").replace(/\.\. /g, ". ");
}

function stateSays(page) {
  switch (page.state) {
    case "done": return page.engine ? `read by ${ENGINES[page.engine] ?? page.engine}` : "read";
    case "blank": return "blank";
    case "failed": return PAGE_ERRORS[page.error] ?? `could not be read${page.error ? ` (${page.error})` : ""}`;
    case "reading": return "being read";
    case "unread": return "not read, the job was cancelled";
    default: return "waiting";
  }
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function bytes(size) {
  if (size < 1000) return `${size} B`;
  const units = ["kB", "MB", "GB"];
  let value = size / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

export function duration(seconds) {
  if (seconds < 1) return "under a second";
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export function ago(time, now = Date.now()) {
  const seconds = Math.max(0, (now - Date.parse(time)) / 1000);
  if (seconds < 50) return "now";
  if (seconds < 3300) return `${Math.max(1, Math.round(seconds / 60))} min`;
  return `${Math.round(seconds / 3600)} h`;
}

export function clock(time) {
  return new Date(time).toLocaleString(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
}
