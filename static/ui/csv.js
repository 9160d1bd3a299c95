// A CSV parser (RFC 4180), as far as a preview needs it.

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
