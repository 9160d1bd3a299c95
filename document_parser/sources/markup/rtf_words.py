"""The words of RTF: which begin destinations, which hold no text, which are signs."""

from __future__ import annotations

import re

SIGNS = {
    "tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "emspace": " ", "enspace": " ", "qmspace": " ",
    "bullet": "•", "lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "zwj": "\u200d", "zwnj": "\u200c",
    "ltrmark": "", "rtlmark": "",
}  # fmt: skip
SKIPPED = frozenset({
    "colortbl", "info", "nonshppict", "xe", "tc", "tcn", "rxe", "bkmkstart", "bkmkend", "atnid",
    "atntime", "atnref", "atrfstart", "atrfend", "atnicn", "atndate", "atnparent", "fontemb", "filetbl", "revtbl",
    "rsidtbl", "generator", "themedata", "colorschememapping", "latentstyles",
    "datastore", "shprslt", "mmathPict", "mmathPr", "pgptbl", "userprops", "xmlnstbl", "template", "wgrffmtfilter",
    "datafield", "objclass", "objname", "pnseclvl", "ftnsep", "ftnsepc", "aftnsep", "aftnsepc", "ftncn",
    "aftncn", "nonesttables", "private", "passwordhash", "picprop", "blipuid", "bliptag",
    "levelnumbers", "listname", "liststylename", "listpicture",
})  # fmt: skip
"""Destinations that hold no text of the document."""
READ = frozenset(
    {
        "shptxt",
        "dptxbxtext",
        "ud",
        "result",
        "shppict",
        "moMath",
        "nesttableprops",
        "annotation",
        "listtext",
        "fldinst",
        "objdata",
        "listtable",
        "listoverridetable",
    }
)
"""Destinations that are read although programs that do not know them shall skip them."""
FORMULA_PARTS = {
    "moMath": ("$", "$"), "mnum": ("\\frac{", "}"), "mden": ("{", "}"), "msup": ("^{", "}"), "msub": ("_{", "}"),
    "mdeg": ("\\sqrt[", "]"), "mfName": ("\\", " "),
}  # fmt: skip
"""What stands around the parts of a formula in LaTeX."""
FORMULA_LOOKS = re.compile(r"m[A-Za-z]+Pr")
"""Destinations that say how parts of a formula look."""
HEADERS = dict.fromkeys(("header", "headerl", "headerr", "headerf"), "page_header")
FOOTERS = dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "page_footer")
PIXELS = frozenset({"pngblip", "jpegblip"})
VECTORS = frozenset({"wmetafile", "emfblip", "macpict", "pmmetafile", "dibitmap", "wbitmap"})
