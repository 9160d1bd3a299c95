// Colours for JSON without extra elements: ranges over its one text node, if the browser supports them.

const MOST_MARKS = 6000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/g;

export function highlightJson(textNode) {
  if (!textNode || !("highlights" in CSS)) return;
  const keys = new Highlight();
  const values = new Highlight();
  let marks = 0;
  for (const match of textNode.data.matchAll(TOKEN)) {
    if ((marks += 1) > MOST_MARKS) break;
    const range = new StaticRange({ startContainer: textNode, startOffset: match.index, endContainer: textNode, endOffset: match.index + (match[1] ?? match[0]).length });
    if (match[2]) keys.add(range);
    else if (!match[1]) values.add(range);
  }
  CSS.highlights.set("json-key", keys);
  CSS.highlights.set("json-value", values);
}
