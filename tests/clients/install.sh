#!/bin/bash
# install.sh PYTHON VENV: a virtual environment with the client packages of other systems, above the packages of PYTHON's own
# (250 MB, a minute). Does nothing where they are there already. A package that cannot be had is missing, and its tests are skipped.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); python=$1; venv=$2
wanted=$(cat "$here"/requirements*.txt)
[ "$wanted" = "$(cat "$venv/installed.txt" 2>/dev/null)" ] && exit 0

rm -rf "$venv"
"$python" -m venv "$venv"
below=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$below" > "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/below.pth"
pip=("$venv/bin/python" -m pip install -q --disable-pip-version-check --no-compile)
# Packages that are wanted without what they depend on have a file of their own.
[ ! -f "$here/requirements-alone.txt" ] || "${pip[@]}" --no-deps -r "$here/requirements-alone.txt"
# pip names what those packages miss, which is known.
# docling-core wants an older typer than the one that is pinned here.
grep -v '^typer==' "$here/../../constraints.txt" > "$venv/constraints.txt"
"${pip[@]}" -c "$venv/constraints.txt" -r "$here/requirements.txt" 2> >(grep -v "requires\|dependency resolver" >&2)
echo "$wanted" > "$venv/installed.txt"
