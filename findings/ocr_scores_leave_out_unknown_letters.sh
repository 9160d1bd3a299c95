#!/usr/bin/env bash
# PP-OCR writes nothing, or a like sign, for a sign that it does not know, and scores the line as high as one read whole.
#
# Versions: rapidocr 3.10.0 with the models in its package, onnxruntime 1.31.1; the text is drawn in Roboto, 28 pixels.
# Behaviour: "Price 1250 ₴ per unit" is read as "Price 1250 per unit" (with one space more) and "Price 1250 Ђ per unit" too,
# scored above 0.99, no lower than a line without such a sign. "1250‰ of it" is read as "1250% of it", ten times the amount,
# scored above 0.99. The score is the mean over the characters that were written: what is left out costs nothing.
# What follows: no threshold on the score finds these lines. Only the ink of the picture can (between two words stands
# something that no word covers), or a second engine that knows the sign.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  rapidocr==3.10.0 onnxruntime==1.31.1 font-roboto==0.0.1 pillow==13.0.0

cat >"$folder/try.py" <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from font_roboto import Roboto
from PIL import Image, ImageDraw, ImageFont
from rapidocr import RapidOCR

FONT = ImageFont.truetype(Roboto, 28)
engine = RapidOCR(params={"Global.log_level": "error"})


def read(text):
    picture = Image.new("RGB", (700, 100), "white")
    ImageDraw.Draw(picture).text((20, 20), text, font=FONT, fill="black")
    found = engine(np.array(picture)[:, :, ::-1])
    return " ".join(" ".join(found.txts).split()), min(found.scores)


wanted = {
    "Price 1250 ₴ per unit": "Price 1250 per unit",
    "Price 1250 Ђ per unit": "Price 1250 per unit",
    "1250‰ of it": "1250% of it",
}
print("rapidocr", version("rapidocr"), "onnxruntime", version("onnxruntime"))
changed = False
for drawn, expected in wanted.items():
    text, score = read(drawn)
    changed |= text != expected or score < 0.99
    print(f"  drawn {drawn!r}, read {text!r}, score {score:.3f}")
sys.exit(changed)
PY
"$folder/venv/bin/python" "$folder/try.py"
