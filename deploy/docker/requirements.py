"""Print what the program needs, read from setup.cfg: ``requirements.py EXTRAS``, extras joined by commas.

The image installs it in a layer of its own, which a change of the program does not build anew.
"""

from __future__ import annotations

import configparser
import sys
from pathlib import Path


def requirements(setup: str, extras: str) -> list[str]:
    """Return the requirements of the program and of these extras. Raises KeyError if there is no such extra."""
    parsed = configparser.ConfigParser()
    parsed.read_string(setup)
    texts = [parsed["options"]["install_requires"]]
    texts += [parsed["options.extras_require"][name] for name in filter(None, extras.split(","))]
    return [line for text in texts for line in text.splitlines() if line]


if __name__ == "__main__":
    found = requirements(Path("setup.cfg").read_text(encoding="utf-8"), sys.argv[1])
    sys.stdout.write("".join(f"{line}\n" for line in found))
