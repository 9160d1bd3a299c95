#!/bin/bash
# install.sh VENV: a virtual environment with the packages in requirements.txt, and those for Node. Two minutes, 550 MB.
# Does nothing where that is there already. Where it fails, VENV/why-not says why, in a line.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); venv=$1
NODE='@mistralai/mistralai@2.7.0 @azure-rest/ai-document-intelligence@1.1.0'
wanted=$(cat "$here"/requirements*.txt; echo "$NODE")
[ "$wanted" = "$(cat "$venv/installed.txt" 2>/dev/null)" ] && exit 0

why_not() { mkdir -p "$venv"; echo "$1" | tee "$venv/why-not" >&2; exit 1; }

rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv" || why_not "python3 makes no virtual environment"
# docling-core wants an older typer than the one that is pinned here, for a command that nobody calls.
grep -v '^typer==' "$here/../../constraints.txt" > "$venv/constraints.txt"
echo "Installing client packages into $venv: two minutes, 500 MB"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-compile -c "$venv/constraints.txt" \
  -r "$here/requirements.txt" 2> "$venv/pip.log" || why_not "pip: $(grep -m 1 '^ERROR' "$venv/pip.log" || tail -n 1 "$venv/pip.log")"
"$venv/bin/python" -m pip install -q --disable-pip-version-check --no-compile --no-deps -r "$here/requirements-alone.txt" 2> "$venv/pip.log" ||
  why_not "pip: $(tail -n 1 "$venv/pip.log")"
mkdir -p "$venv/node"
if ! command -v npm > /dev/null; then
  echo "there is no npm" > "$venv/node/why-not"
elif npm install --prefix "$venv/node" --no-audit --no-fund --silent --ignore-scripts $NODE 2> "$venv/npm.log"; then
  touch "$venv/node/installed"
else
  echo "npm: $(tail -n 1 "$venv/npm.log")" > "$venv/node/why-not"
fi
echo "$wanted" > "$venv/installed.txt"
