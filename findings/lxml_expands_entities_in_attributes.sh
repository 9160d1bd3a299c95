#!/usr/bin/env bash
# lxml with resolve_entities=False still puts the text of entities into attributes, and so does defusing by that option alone.
#
# Versions: lxml 6.1.3 with libxml2 2.14.6.
# Behaviour: with XMLParser(resolve_entities=False, load_dtd=False, no_network=True), the usual advice for untrusted XML,
# - an entity in text stays an entity node, as the option says;
# - the same entity in an attribute is expanded: the option has no effect there.
# What follows: a document is not free of entities by this option. Look at docinfo.internalDTD after parsing (or at the first
# element when streaming), and refuse documents whose internal subset declares any.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check lxml==6.1.3

cat >"$folder/try.py" <<'PY'
from lxml import etree

DOCUMENT = b'<!DOCTYPE a [<!ENTITY e "expanded">]><a b="&e;">&e;</a>'
parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True)
root = etree.fromstring(DOCUMENT, parser)
print(f"text: {root.text!r}, attribute: {root.get('b')!r}")
declared = [entity.name for entity in root.getroottree().docinfo.internalDTD.iterentities()]
print(f"declared: {declared}")
raise SystemExit(not (root.text is None and root.get("b") == "expanded" and declared == ["e"]))
PY
"$folder/venv/bin/python" "$folder/try.py"
