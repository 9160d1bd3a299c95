"""Write the formulas of office documents (OMML) as LaTeX.

Source: ECMA-376, part 1, section 22.1. What is not known is descended into, so that no text is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from document_parser.layout.formulas.latex import FUNCTIONS, latex_of_character
from document_parser.sources.xml_trees import Element, local_name

MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
"""The namespace of formulas, in lxml's form."""
_TEXT = f"{MATH}t"
_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "^": "hat", "\u0303": "tilde", "~": "tilde", "\u0304": "bar",
    "\u0305": "overline", "¯": "overline", "\u0306": "breve", "\u0307": "dot", "\u0308": "ddot", "\u030a": "mathring",
    "\u030c": "check", "\u20d6": "overleftarrow", "\u20d7": "vec", "→": "vec", "\u20e1": "overleftrightarrow",
    "\u20db": "dddot", "\u0332": "underline", "⏞": "overbrace", "⏟": "underbrace",
}  # fmt: skip
_LARGE = {
    "∑": "\\sum", "∏": "\\prod", "∐": "\\coprod", "∫": "\\int", "∬": "\\iint", "∭": "\\iiint", "∮": "\\oint",
    "∯": "\\oiint", "∰": "\\oiiint", "⋃": "\\bigcup", "⋂": "\\bigcap", "⋁": "\\bigvee", "⋀": "\\bigwedge",
    "⨁": "\\bigoplus", "⨂": "\\bigotimes", "⨀": "\\bigodot", "⨄": "\\biguplus", "⨆": "\\bigsqcup",
}  # fmt: skip
_FENCES = {
    "{": "\\{", "}": "\\}", "⟨": "\\langle ", "⟩": "\\rangle ", "〈": "\\langle ", "〉": "\\rangle ", "⌊": "\\lfloor ",
    "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "‖": "\\|", "∥": "\\|", "": ".", "[": "[", "]": "]", "|": "|",
}  # fmt: skip
_ESCAPES = str.maketrans({**{sign: f"\\{sign}" for sign in "{}%#&_$"}, "\\": "\\backslash ", "^": "\\hat{}", "~": "\\sim "})
_PLAIN_SIGNS = {"–": "-", "^": "^"}
"""Signs as they are typed into a formula."""
_SPACES = re.compile(r" {2,}")
_BEFORE_SIGN = re.compile(r"(\\[A-Za-z]+) (?=[^A-Za-z ]|$)")
"""A command whose space is not needed, because no letter follows."""


_ONE_THING = re.compile(r".|\\[A-Za-z]+|\\left(?:(?!\\left).)*\\right(?:\\[A-Za-z]+ ?|\\?.)")


def latex_of_math(element: Element) -> str:
    """Return the formula of an ``m:oMath`` or ``m:oMathPara`` element as LaTeX without dollar signs; empty for an empty one."""
    lines = [child for child in element if child.tag == f"{MATH}oMath"] if element.tag == f"{MATH}oMathPara" else [element]
    written = [_tidy(_children(line)) for line in lines]
    return " \\\\ ".join(line for line in written if line)


def inline_formula(latex: str) -> str:
    """Return LaTeX between dollar signs, so that it is not taken for two amounts of money with text between them."""
    return (
        f"${latex}$" if re.search(r"[\\^_={}<>]", latex) or re.fullmatch(r"[^\s$\d.,][^\s$]{0,11}", latex) else f"${{{latex}}}$"
    )


def _tidy(latex: str) -> str:
    """Return LaTeX without needless spaces."""
    return _BEFORE_SIGN.sub(r"\1", _SPACES.sub(" ", latex)).strip()


def _children(element: Element | None) -> str:
    """Return what the children of an element write, one after the other."""
    if element is None:
        return ""
    return "".join(_write(child) for child in element)


def _write(element: Element) -> str:
    """Return what one element writes."""
    name = local_name(element)
    if name in _SILENT or name.endswith("Pr"):
        return ""
    writer = _WRITERS.get(name) if element.tag.startswith(MATH) else None
    return writer(element) if writer else _children(element)


def _part(element: Element, name: str) -> str:
    """Return what a named child writes, without white space around it."""
    return _tidy(_children(element.find(f"{MATH}{name}")))


def _property(element: Element, name: str, default: str = "") -> str:
    """Return the value of a property of an element, such as the sign of an accent; the default if it is not given."""
    properties = element.find(f"{MATH}{local_name(element)}Pr")
    found = None if properties is None else properties.find(f"{MATH}{name}")
    return default if found is None else str(found.get(f"{MATH}val", default))


def _is_on(element: Element, name: str) -> bool:
    """Return whether a property of an element is there and not switched off."""
    return _property(element, name, "1" if _has_property(element, name) else "0") not in {"0", "off", "false"}


def _has_property(element: Element, name: str) -> bool:
    properties = element.find(f"{MATH}{local_name(element)}Pr")
    return properties is not None and properties.find(f"{MATH}{name}") is not None


def _run(element: Element) -> str:
    """Return a run of text: words set as text as ``text``, several upright letters as their function or ``mathrm``."""
    text = "".join(child.text or "" for child in element if child.tag == _TEXT or local_name(child) in {"t", "delText"})
    properties = element.find(f"{MATH}rPr")
    if properties is not None and properties.find(f"{MATH}nor") is not None:
        return f"\\text{{{text.translate(_ESCAPES)}}}" if text.strip() else text
    word = text.strip()
    if word in FUNCTIONS:
        return f"\\{word} "
    written = "".join(_PLAIN_SIGNS.get(sign) or latex_of_character(sign) for sign in text)
    style = None if properties is None else properties.find(f"{MATH}sty")
    upright = style is not None and style.get(f"{MATH}val") in {"p", "b"}
    return f"\\mathrm{{{written.strip()}}}" if upright and len(word) > 1 and word.isalpha() else written


def _fraction(element: Element) -> str:
    """Return a fraction; those on one line have a slash."""
    upper, lower = _part(element, "num"), _part(element, "den")
    match _property(element, "type", "bar"):
        case "lin" | "skw":
            return f"{_grouped(upper)}/{_grouped(lower)}"
        case "noBar":
            return f"\\genfrac{{}}{{}}{{0pt}}{{}}{{{upper}}}{{{lower}}}"
    return f"\\frac{{{upper}}}{{{lower}}}"


def _grouped(latex: str) -> str:
    """Return LaTeX as one thing: a character, a command, or what is in one pair of brackets as it is, all else in braces."""
    return latex if _ONE_THING.fullmatch(latex) else f"{{{latex}}}"


def _scripts(element: Element) -> str:
    """Return a base with what is set below and above it."""
    base = _grouped(_part(element, "e"))
    below, above = _part(element, "sub"), _part(element, "sup")
    return base + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")


def _scripts_before(element: Element) -> str:
    return f"{{}}_{{{_part(element, 'sub')}}}^{{{_part(element, 'sup')}}}{_grouped(_part(element, 'e'))}"


def _radical(element: Element) -> str:
    degree = "" if _is_on(element, "degHide") else _part(element, "deg")
    return f"\\sqrt{f'[{degree}]' if degree else ''}{{{_part(element, 'e')}}}"


def _large_operator(element: Element) -> str:
    """Return a sum, an integral or the like with its limits."""
    sign = _property(element, "chr", "∫")
    written = _LARGE.get(sign) or latex_of_character(sign).strip() if sign else "\\int"
    below = "" if _is_on(element, "subHide") else _part(element, "sub")
    above = "" if _is_on(element, "supHide") else _part(element, "sup")
    limits = (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
    return f"{written}{limits} {_part(element, 'e')}"


def _delimiters(element: Element) -> str:
    """Return what stands between brackets, with the sign between its parts."""
    opening, closing = _property(element, "begChr", "("), _property(element, "endChr", ")")
    parts = [_tidy(_children(child)) for child in element if child.tag == f"{MATH}e"]
    inner = _property(element, "sepChr", "|").join(parts)
    if len(parts) == 1 and (binomial := re.fullmatch(r"\\genfrac\{\}\{\}\{0pt\}\{\}(\{.*\})", inner)) and opening == "(":
        return f"\\binom{binomial[1]}"
    return f"\\left{_FENCES.get(opening, opening)}{inner}\\right{_FENCES.get(closing, closing)}"


def _function(element: Element) -> str:
    name = _part(element, "fName")
    return f"{name}{'' if name.endswith(' ') else ' '}{_part(element, 'e')}"


def _lower_limit(element: Element) -> str:
    base, limit = _part(element, "e"), _part(element, "lim")
    return f"{base}_{{{limit}}}" if base.startswith("\\") and base[1:] in FUNCTIONS else f"\\underset{{{limit}}}{{{base}}}"


def _upper_limit(element: Element) -> str:
    return f"\\overset{{{_part(element, 'lim')}}}{{{_part(element, 'e')}}}"


def _accent(element: Element) -> str:
    sign, base = _property(element, "chr", "\u0302"), _part(element, "e")
    command = _ACCENTS.get(sign)
    if command == "hat" and len(base) > 1:
        command = "widehat"
    return f"\\{command}{{{base}}}" if command else f"\\overset{{{latex_of_character(sign).strip()}}}{{{base}}}"


def _bar(element: Element) -> str:
    command = "overline" if _property(element, "pos", "bot") == "top" else "underline"
    return f"\\{command}{{{_part(element, 'e')}}}"


def _group(element: Element) -> str:
    sign, base = _property(element, "chr", "⏟"), _part(element, "e")
    command = _ACCENTS.get(sign)
    if command:
        return f"\\{command}{{{base}}}"
    place = "overset" if _property(element, "pos", "bot") == "top" else "underset"
    return f"\\{place}{{{latex_of_character(sign).strip()}}}{{{base}}}"


def _lines(element: Element) -> str:
    """Return equations below each other, aligned at their marks."""
    lines = [_tidy(_children(child)) for child in element if child.tag == f"{MATH}e"]
    if len(lines) == 1:
        return lines[0]
    return "\\begin{aligned}" + " \\\\ ".join(lines) + "\\end{aligned}"


def _matrix(element: Element) -> str:
    rows = (
        " & ".join(_tidy(_children(cell)) for cell in row if cell.tag == f"{MATH}e")
        for row in element
        if row.tag == f"{MATH}mr"
    )
    return "\\begin{matrix}" + " \\\\ ".join(rows) + "\\end{matrix}"


def _boxed(element: Element) -> str:
    return f"\\boxed{{{_part(element, 'e')}}}"


_SILENT = frozenset({"del", "moveFrom", "bookmarkStart", "bookmarkEnd", "ctrlPr"})
"""Elements whose text is no part of the formula."""
_WRITERS: dict[str, Callable[[Element], str]] = {
    "r": _run, "f": _fraction, "sSup": _scripts, "sSub": _scripts, "sSubSup": _scripts, "sPre": _scripts_before,
    "rad": _radical, "nary": _large_operator, "d": _delimiters, "func": _function, "limLow": _lower_limit,
    "limUpp": _upper_limit, "acc": _accent, "bar": _bar, "groupChr": _group, "eqArr": _lines, "m": _matrix,
    "borderBox": _boxed,
}  # fmt: skip
"""By the name of an element: how it is written."""
