#!/usr/bin/env bash
# The import of WeasyPrint turns off Pillow's error for images that end early, for every other user of Pillow in the process.
#
# Versions: weasyprint 70.0, Pillow 13.0.0.
# Behaviour: a GIF that lacks its last third raises OSError in Image.load(). After `import weasyprint`, which draws nothing yet,
# the same file loads without an error, the missing rows have the first colour of the palette, and nothing says that they are missing:
# weasyprint/images.py sets PIL.ImageFile.LOAD_TRUNCATED_IMAGES, which is one switch for the process.
# What follows: a program that relies on Pillow's error to find cut images finds none in a process where a typesetter was
# imported before, and its tests fail by the order in which they run. The product sets the switch around every image it decodes.
#
# Ends with 0 while this is so, with 1 as soon as it is not.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check weasyprint==70.0 pillow==13.0.0

cat >"$folder/try.py" <<'PY'
import importlib
import io
import sys

from PIL import Image

whole = io.BytesIO()
Image.effect_noise((200, 200), 90).save(whole, "GIF", interlace=0)
cut = whole.getvalue()[: len(whole.getvalue()) * 2 // 3]


def load() -> str:
    try:
        with Image.open(io.BytesIO(cut)) as image:
            image.load()
            return f"loaded, {image.height} rows"
    except OSError as error:
        return f"OSError: {error}"


before = load()
importlib.import_module("weasyprint")  # needs Pango, as all of WeasyPrint does
after = load()
print("before the import:", before)
print("after the import: ", after)
sys.exit(0 if before.startswith("OSError") and after == "loaded, 200 rows" else 1)
PY

"$folder/venv/bin/python" "$folder/try.py"
