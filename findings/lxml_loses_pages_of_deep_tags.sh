#!/usr/bin/env bash
# lxml.html loses the whole text of a page whose tags nest deeper than 256, without an error.
#
# Versions: lxml 6.1.3 (libxml2 2.14).
# Behaviour: lxml.html.fromstring of a page with 300 nested divs returns a tree without any text, also without that which stands
# behind the divs, and raises nothing; at 200 levels all text is there.
# What follows: an empty page of HTML is no proof of an empty document. The product parses with another library, and bounds the
# depth in the text before a parser sees it, with a warning.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3

cat >"$folder/try.py" <<'PY'
import sys

from lxml import html


def text_of(depth: int) -> str:
    page = "<html><body>" + "<div>" * depth + "deep" + "</div>" * depth + "<p>after</p></body></html>"
    return html.fromstring(page).text_content()


print("200 levels:", repr(text_of(200)), "300 levels:", repr(text_of(300)))
sys.exit(0 if (text_of(200), text_of(300)) == ("deepafter", "") else 1)
PY

"$folder/venv/bin/python" "$folder/try.py"
