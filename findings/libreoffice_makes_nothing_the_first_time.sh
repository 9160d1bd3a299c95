#!/usr/bin/env bash
# LibreOffice's program itself makes nothing in its first run with a new profile, and says so by its exit code 81 alone.
#
# Versions: LibreOffice 7.4.7.2 (Debian 12).
# Behaviour: who starts soffice.bin, to have one process that can be limited and ended, with a new -env:UserInstallation gets
# exit code 81, no output file and no message. 81 asks to be started again: the profile is made now. The script soffice hides
# that: it becomes oosplash, which starts the program until it ends otherwise. But who kills that one leaves the program
# running, and the document is converted all the same.
# What follows: start soffice.bin again after 81, once, and judge a conversion by its output file.
#
# Ends with 0 while this is so, with 1 as soon as it is not, with 2 if LibreOffice is not installed.
set -uo pipefail

script=$(readlink -f "$(command -v soffice)") || exit 2
program=$(dirname "$script")/soffice.bin
[ -x "$program" ] || exit 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
printf 'a;b\n1;2\n' >"$folder/table.csv"

convert() {
    HOME=$folder "$program" "-env:UserInstallation=file://$folder/profile" --headless --convert-to ods --outdir "$folder/out" \
        "$folder/table.csv" >"$folder/log" 2>&1
}

convert
first=$?
echo "first run: exit code $first, output: $(find "$folder/out" -type f 2>/dev/null | wc -l) files, message: $(wc -c <"$folder/log") bytes"
[ "$first" -eq 81 ] && [ ! -e "$folder/out/table.ods" ] || exit 1
convert
second=$?
echo "second run: exit code $second, output: $(find "$folder/out" -type f 2>/dev/null | wc -l) files"
[ "$second" -eq 0 ] && [ -s "$folder/out/table.ods" ] || exit 1
