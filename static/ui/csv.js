// CSV (RFC 4180): a parser as far as a preview needs it, and a writer.

/** The first rows of a table, each a list of cells. */
export function readCsv(text, mostRows) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < mostRows; at += 1) {
    const character = text[at];
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[at + 1] === '"') cell += text[(at += 1)];
      else quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === ",") {
      row.push(cell);
      cell = "";
    } else if (character === "\n") {
      rows.push([...row, cell]);
      row = [];
      cell = "";
    } else if (character !== "\r") cell += character;
  }
  if (rows.length < mostRows && (cell !== "" || row.length)) rows.push([...row, cell]);
  return rows;
}

/** Rows of cells as text. */
export function writeCsv(rows) {
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function quoted(cell) {
  const text = String(cell ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
