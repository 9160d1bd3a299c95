#!/usr/bin/env bash
# Tags nested deeply make lxml.html lose the whole page without an error, and Lexbor take time by the square of the depth.
#
# Versions: lxml 6.1.3 (libxml2 2.14), selectolax 1.0.2 (Lexbor).
# Behaviour:
# - lxml.html.fromstring of a page with 300 nested divs returns a tree without any text, also without that which stands behind
#   the divs, and raises nothing; with huge_tree=True the same happens from a depth of 2048 on;
# - Lexbor keeps all text, but twice the depth takes four times as long (200,000 divs: 405 s), because the rules of the standard
#   look through the open elements at each tag. The same number of tags side by side is linear.
# What follows: the depth is bounded in the text, before a parser sees it, by leaving out the tags that nest too deep.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3 selectolax==1.0.2

cat >"$folder/try.py" <<'PY'
import sys
import time

from lxml import html
from selectolax.lexbor import LexborHTMLParser


def nested(depth: int) -> str:
    return "<html><body>" + "<div>" * depth + "deep" + "</div>" * depth + "<p>after</p></body></html>"


def seconds_of(depth: int) -> float:
    start = time.process_time()
    LexborHTMLParser(nested(depth))
    return time.process_time() - start


huge = html.HTMLParser(huge_tree=True)
lost = [html.fromstring(nested(300)).text_content(), html.fromstring(nested(3000), parser=huge).text_content()]
print("lxml:", html.fromstring(nested(200)).text_content(), lost)
short, long = min(seconds_of(10_000) for _ in range(3)), min(seconds_of(40_000) for _ in range(2))
print(f"Lexbor: {short:.2f} s for 10,000 levels, {long:.2f} s for 40,000")
sys.exit(0 if lost == ["", ""] and long > 8 * short else 1)
PY

"$folder/venv/bin/python" "$folder/try.py"
