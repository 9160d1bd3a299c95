#!/bin/bash
# guides_peers.sh FOLDER: packages of others that the guides and MCP are tried with, each group in a folder of its own: some
# minutes, 2 GB. Does nothing where they are already. What cannot be installed leaves the reason in FOLDER/NAME/why-not.
set -uo pipefail
folder=$1; mkdir -p "$folder"

failed() { echo "$2" | tee "$folder/$1/why-not" >&2; }

with_pip() {
    local name=$1; shift
    [ -e "$folder/$name/installed" ] && return
    rm -rf "${folder:?}/$name"; mkdir -p "$folder/$name"
    echo "Installing $* into $folder/$name"
    "${PYTHON:-python3}" -m venv "$folder/$name" || { failed "$name" "no virtual environment"; return; }
    if "$folder/$name/bin/pip" install -q --disable-pip-version-check --no-compile "$@" 2> "$folder/$name/pip.log"; then
        touch "$folder/$name/installed"
    else
        failed "$name" "pip: $(grep -m 1 '^ERROR' "$folder/$name/pip.log" || tail -n 1 "$folder/$name/pip.log")"
    fi
}

with_npm() {
    local name=$1; shift
    [ -e "$folder/$name/installed" ] && return
    rm -rf "${folder:?}/$name"; mkdir -p "$folder/$name"
    command -v npm > /dev/null || { failed "$name" "there is no npm"; return; }
    echo "Installing $* into $folder/$name"
    if npm install --prefix "$folder/$name" --no-audit --no-fund --silent "$@" 2> "$folder/$name/npm.log"; then
        touch "$folder/$name/installed"
    else
        failed "$name" "npm: $(tail -n 1 "$folder/$name/npm.log")"
    fi
}

with_pip python 'langchain-core>=1,<2' 'llama-index-core>=0.14,<0.15' 'haystack-ai>=3,<4' httpx
with_pip airflow 'apache-airflow>=3.1,<4' httpx
with_npm node '@modelcontextprotocol/inspector@^0.15.0' '@google/gemini-cli@^0.61.0'
