#!/usr/bin/env bash
# Tesseract's pack for Thai reads English as Thai, upright or upside down, with a confidence that the packs for Greek and Hebrew do
# not come near.
#
# Versions: tesserocr 2.13.0 (Tesseract 5.5.4); packs @tesseract.js-data/{tha,eng,ell,heb} 1.0.0; Pillow 13.0.0; DejaVu Sans of matplotlib 3.11.2.
# Behaviour, for clean lines of DejaVu Sans: the mean confidence of the words is above .9 where English is read with its own pack,
# below .5 with those for Greek and Hebrew, and with that for English if the lines are upside down. With Thai's it is above all of
# these by .2 and more, upright and upside down.
# What follows: the usual way to find the language of a scan, to read a line with each pack and to take the surest, needs a bound of
# its own for Thai. With one bound for all packs, a page that was scanned upside down becomes Thai.
#
# Ends with 0 while this is so, with 1 as soon as it is not. Needs npm.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" tesserocr==2.13.0 pillow==13.0.0
"${pip[@]}" --no-deps --target "$folder/fonts" matplotlib==3.11.2
mkdir "$folder/packs"
for pack in tha eng ell heb; do
    (cd "$folder" && npm pack --silent "@tesseract.js-data/$pack@1.0.0" >"$folder/name" && tar -xzf "$(cat "$folder/name")")
    gzip -dc "$folder/package/4.0.0_best_int/$pack.traineddata.gz" >"$folder/packs/$pack.traineddata"
done

cat >"$folder/try.py" <<'PY'
import sys
from importlib.metadata import version
from statistics import fmean

import tesserocr
from PIL import Image, ImageDraw, ImageFont

ENGLISH = (
    "The committee met on Thursday and approved the minutes.",
    "We walked along the river until the rain began to fall.",
    "Please return the signed form before the end of March.",
    "The library lends books to readers from nine to seven.",
)
packs, fonts = sys.argv[1:]
font = ImageFont.truetype(f"{fonts}/DejaVuSans.ttf", 32)


def picture(line, turn):
    drawn = Image.new("L", (int(font.getlength(line)) + 60, 64), 255)
    ImageDraw.Draw(drawn).text((30, 12), line, font=font, fill=0)
    return drawn.rotate(turn)


def confidences(pack, turn):
    """The mean confidence of each line's words, 0 to 1, and what the first line is read as."""
    with tesserocr.PyTessBaseAPI(path=packs, lang=pack, psm=tesserocr.PSM.SINGLE_LINE) as api:
        api.SetVariable("debug_file", "/dev/null")
        found = []
        for line in ENGLISH:
            api.SetImage(picture(line, turn))
            api.SetSourceResolution(200)
            text = api.GetUTF8Text().strip()
            found.append((fmean(api.AllWordConfidences() or [0]) / 100, text))
    return [sure for sure, _ in found], found[0][1]


print("tesserocr", version("tesserocr"), "Tesseract", tesserocr.PyTessBaseAPI.Version())
seen = {}
for turn in (0, 180):
    for pack in ("eng", "ell", "heb", "tha"):
        sure, text = confidences(pack, turn)
        seen[pack, turn] = fmean(sure)
        print(f"  {pack} turned {turn}: mean {fmean(sure):.2f}, surest line {max(sure):.2f}: {text}")
others = [seen[pack, turn] for pack in ("ell", "heb") for turn in (0, 180)] + [seen["eng", 180]]
unchanged = seen["eng", 0] > 0.9 and max(others) < 0.5 and min(seen["tha", 0], seen["tha", 180]) > max(others) + 0.2
sys.exit(not unchanged)
PY
"$folder/venv/bin/python" "$folder/try.py" "$folder/packs" "$folder/fonts/matplotlib/mpl-data/fonts/ttf"
