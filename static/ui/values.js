// The values of an extraction, laid out: single values one by one, lists row by row, each with what is known of its place.

/** Whether this part of the evidence is that of one value. */
function isLeaf(evidence) {
  return typeof evidence?.state === "string" && Array.isArray(evidence.boxes);
}

/** {values, lists}: values are {name, value, evidence}, lists are {name, columns, rows}, and a row is a list of values. */
export function layOut(data, evidence) {
  const found = { values: [], lists: [] };
  walk(data, evidence, [], found);
  return found;
}

function walk(data, evidence, path, found) {
  if (Array.isArray(evidence)) found.lists.push(listOf(data, evidence, path));
  else if (isLeaf(evidence)) found.values.push({ name: nameOf(path), value: data, evidence });
  else for (const key of Object.keys(evidence ?? {})) walk(data?.[key], evidence[key], [...path, key], found);
}

function listOf(data, evidence, path) {
  const rows = evidence.map((row, place) => {
    const inside = { values: [], lists: [] };
    walk(data?.[place], row, [], inside);
    return inside.values;
  });
  const columns = [...new Set(rows.flat().map(({ name }) => name))];
  return { name: nameOf(path), columns, rows: rows.map((row) => columns.map((column) => row.find(({ name }) => name === column))) };
}

/** The keys down to a value as words: "Seller › vat id". */
export function nameOf(path) {
  const words = path.map((key) => String(key).replaceAll("_", " ")).join(" › ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A value as it is shown; null if there is none. */
export function shownValue(value) {
  if (value === null || value === undefined || value === "") return null;
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return String(value);
}

/** What is known of a value, as a short phrase and a tone. */
export function stateOf(value, { state, match, confidence }) {
  if (state === "blank") return ["Left blank", ""];
  if (state === "unreadable") return ["Not understood", "warn"];
  if (state === "absent" || shownValue(value) === null) return match === "none" && shownValue(value) !== null ? ["Not on the page", "bad"] : ["Not in the document", ""];
  if (match === "none") return ["Not on the page", "bad"];
  const sure = typeof confidence === "number" ? `${Math.round(confidence * 100)} %` : "Found";
  return [sure, confidence < 0.6 ? "warn" : "good"];
}

/** One box around all boxes of a value; null if it has none. */
export function aroundAll(boxes) {
  if (!boxes.length) return null;
  return {
    left: Math.min(...boxes.map(({ left }) => left)),
    top: Math.min(...boxes.map(({ top }) => top)),
    right: Math.max(...boxes.map(({ right }) => right)),
    bottom: Math.max(...boxes.map(({ bottom }) => bottom)),
  };
}
