#!/usr/bin/env bash
# Puts promtool, prometheus and amtool into a folder, from Debian's packages, without root and without installing anything:
#   tests/support/prometheus.sh FOLDER
# Tests that need them are skipped where this does not work.
set -euo pipefail
folder=$1
[ -x "$folder/usr/bin/promtool" ] && [ -x "$folder/usr/bin/amtool" ] && exit 0
command -v apt-get >/dev/null && command -v dpkg >/dev/null || { echo "no apt-get here: tests with promtool are skipped" >&2; exit 1; }
mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
folder=$(cd "$folder" && pwd)
# Lists of its own: neither root's nor anybody's are changed.
apt() { apt-get -qq -o Dir::State::Lists="$folder/lists" -o Dir::Cache="$folder/cache" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Languages=none -o Acquire::http::Timeout=20 -o Acquire::Retries=1 "$@"; }
apt update
cd "$folder"
apt download prometheus prometheus-alertmanager
for package in ./*.deb; do dpkg -x "$package" .; done
rm -rf ./*.deb lists cache
