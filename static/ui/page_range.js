// The pages to read, in the form of the API: "1,3-5,8-".

const PART = /^([0-9]{1,9})(?:\s*(-)\s*([0-9]{1,9})?)?$/;

/** What is wrong with a page range, in a sentence; empty if nothing is wrong. */
export function rangeProblem(text) {
  if (!text.trim()) return "";
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const match = PART.exec(part);
    if (!match) return `Use numbers and ranges like 1,3-5,8-. ${part ? `“${part}” is neither.` : "Something is missing beside a comma."}`;
    const [first, last] = [Number(match[1]), Number(match[3] ?? 0)];
    if (first < 1) return "Pages count from 1.";
    if (last && last < first) return `“${part}” ends before it begins.`;
  }
  return "";
}
