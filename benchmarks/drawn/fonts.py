"""Font files of this machine, by family and script."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PIL import ImageFont

FOLDERS = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts"), Path.home() / ".local/share/fonts"]
"""Where fonts of packages and of the user lie; ``--fonts`` puts a folder before them."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "serif": ("LiberationSerif", "DejaVuSerif"),
    "sans": ("LiberationSans", "DejaVuSans"),
    "narrow": ("LiberationSansNarrow", "LiberationSans"),
    "mono": ("LiberationMono", "DejaVuSansMono"),
    "symbols": ("DejaVuSans",),
}
"""Stems of the files of each family, best first; LIBERATION_NAMES gives the other weights."""
WEIGHTS = {(False, False): ("-Regular", ""), (True, False): ("-Bold",), (False, True): ("-Italic", "-Oblique"),
           (True, True): ("-BoldItalic", "-BoldOblique")}  # fmt: skip

SCRIPTS: dict[str, tuple[str, tuple[str, ...], str]] = {
    "ar": ("Noto Naskh Arabic", ("NotoNaskhArabic-Regular.ttf",), "fonts-noto-core"),
    "he": ("Noto Sans Hebrew", ("NotoSansHebrew-Regular.ttf",), "fonts-noto-core"),
    "hi": ("Noto Sans Devanagari", ("NotoSansDevanagari-Regular.ttf",), "fonts-noto-core"),
    "th": ("Noto Sans Thai", ("NotoSansThai-Regular.ttf",), "fonts-noto-core"),
    "ja": ("Noto Sans CJK JP", ("NotoSansCJK-Regular.ttc",), "fonts-noto-cjk"),
    "zh": ("Noto Sans CJK SC", ("NotoSansCJK-Regular.ttc",), "fonts-noto-cjk"),
    "ko": ("Noto Sans CJK KR", ("NotoSansCJK-Regular.ttc",), "fonts-noto-cjk"),
}
"""Of a language whose script DejaVu and Liberation lack: family, files, and the Debian package that has them."""


@cache
def _files(folders: tuple[Path, ...]) -> dict[str, Path]:
    return {path.name: path for folder in reversed(folders) for path in sorted(folder.rglob("*.[to]t[fc]"))}


def find(name: str) -> Path | None:
    """Return the font file of this name; None if it is not on this machine."""
    return _files(tuple(FOLDERS)).get(name)


def family_file(family: str, *, bold: bool = False, italic: bool = False) -> Path | None:
    """Return the file of a family in one weight; the upright one if the family lacks it; None without the family."""
    for stem in FAMILIES[family]:
        for ending in (*WEIGHTS[bold, italic], *WEIGHTS[False, False]):
            if path := find(f"{stem}{ending}.ttf"):
                return path
    return None


def missing_for(language: str) -> str:
    """Return why a language cannot be drawn here; empty if it can."""
    if language not in SCRIPTS:
        return "" if family_file("sans") else "no font for Latin, Cyrillic and Greek: install fonts-liberation or fonts-dejavu"
    _, names, package = SCRIPTS[language]
    return "" if any(find(name) for name in names) else f"no font for {language}: install {package}"


INK_SIZE = 256
"""Size in pixels at which the ink of words is measured."""


@cache
def ink(path: Path, word: str) -> tuple[float, float, float, float]:
    """Return the box of a word's ink in font sizes: left and right from where it begins, top and bottom below the baseline."""
    return tuple(edge / INK_SIZE for edge in _font(path).getbbox(word, anchor="ls"))  # type: ignore[return-value]


@cache
def _font(path: Path) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, INK_SIZE, layout_engine=ImageFont.Layout.BASIC)
