"""MathML as LaTeX: the LaTeX that the file has beside it, else the formula by its elements."""

from __future__ import annotations

import re
from collections.abc import Callable

from document_parser.sources.markup.tree import Element
from document_parser.sources.xml_trees import Element as XmlElement
from document_parser.sources.xml_trees import local_name

_TEX = frozenset({"application/x-tex", "application/x-latex", "latex", "tex", "text/latex", "text/x-tex"})
_MAX_DEPTH = 80
"""Formulas nested deeper are shown by their text."""
_SYMBOLS = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ϵ": "epsilon", "ζ": "zeta", "η": "eta",
    "θ": "theta", "ϑ": "vartheta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi",
    "ρ": "rho", "σ": "sigma", "ς": "varsigma", "τ": "tau", "υ": "upsilon", "φ": "varphi", "ϕ": "phi", "χ": "chi", "ψ": "psi",
    "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi",
    "Ψ": "Psi", "Ω": "Omega", "∑": "sum", "∏": "prod", "∫": "int", "∬": "iint", "∮": "oint", "∂": "partial", "∇": "nabla",
    "∞": "infty", "±": "pm", "∓": "mp", "×": "times", "÷": "div", "·": "cdot", "⋅": "cdot", "∗": "ast", "≤": "leq",
    "≥": "geq", "≠": "neq", "≈": "approx", "≡": "equiv", "∼": "sim", "∝": "propto", "→": "to", "←": "leftarrow",
    "↔": "leftrightarrow", "⇒": "Rightarrow", "⇐": "Leftarrow", "⇔": "Leftrightarrow", "↦": "mapsto", "∈": "in", "∉": "notin",
    "⊂": "subset", "⊆": "subseteq", "⊃": "supset", "∪": "cup", "∩": "cap", "∅": "emptyset", "∀": "forall", "∃": "exists",
    "¬": "neg", "∧": "land", "∨": "lor", "⊕": "oplus", "⊗": "otimes", "…": "dots", "⋯": "cdots", "⋮": "vdots", "⋱": "ddots",
    "√": "surd", "∠": "angle", "⊥": "perp", "∥": "parallel", "ℝ": "mathbb{R}", "ℕ": "mathbb{N}", "ℤ": "mathbb{Z}",
    "ℚ": "mathbb{Q}", "ℂ": "mathbb{C}", "ℏ": "hbar", "ℓ": "ell", "′": "prime", "†": "dagger", "⟨": "langle", "⟩": "rangle",
    "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "‖": "Vert",
}  # fmt: skip
_ACCENTS = {
    "^": "hat", "ˆ": "hat", "~": "tilde", "˜": "tilde", "¯": "bar", "‾": "overline", "→": "vec", "⃗": "vec", "˙": "dot",
    "¨": "ddot", "ˇ": "check", "´": "acute", "`": "grave", "⏞": "overbrace", "_": "overline", "―": "overline",
}  # fmt: skip
_FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "log", "ln", "lg",
    "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "gcd", "ker", "arg", "deg",
})  # fmt: skip
_INVISIBLE = dict.fromkeys(map(ord, "\u2061\u2062\u2063\u2064\u200b"))
"""Operators that a formula has and nobody sees."""
_SPECIAL = re.compile(r"[#$%&_{}]")


def latex_of(math: Element) -> str:
    """Return a formula as LaTeX without dollar signs; empty if it says nothing."""
    for element in math.walk():
        if element.tag == "annotation" and element.get("encoding").lower() in _TEX and element.text().strip():
            return clean_tex(element.text())
    found = _row(math, 0)
    return found.strip() or clean_tex(math.get("alttext"))


def latex_of_xml(math: XmlElement) -> str:
    """Return a formula of an XML file as LaTeX without dollar signs; empty if it says nothing."""
    return latex_of(_tree_of(math, 0))


def _tree_of(element: XmlElement, depth: int) -> Element:
    """Return an element of XML as one of a page; what lies too deep is its text."""
    if depth > _MAX_DEPTH:
        return Element("mtext", {}, ["".join(element.itertext())])
    made = Element(local_name(element).lower(), {name: str(value) for name, value in element.attrib.items()})
    made.children = [element.text] if element.text else []
    for child in element:
        if isinstance(child.tag, str):
            made.children.append(_tree_of(child, depth + 1))
        if child.tail:
            made.children.append(child.tail)
    return made


def clean_tex(text: str) -> str:
    """Return LaTeX without dollar signs, brackets of formulas and the frame that Wikipedia puts around it."""
    text = text.strip()
    for begin, end in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if len(text) > len(begin) + len(end) and text.startswith(begin) and text.endswith(end):
            text = text[len(begin) : -len(end)].strip()
    framed = re.fullmatch(r"\{\\(?:display|text)style\s*(.*)\}", text, re.S)
    return (framed[1] if framed else text).strip()


def _row(element: Element, depth: int) -> str:
    """Return the children of an element as LaTeX, one after the other."""
    pieces = [
        _convert(child, depth + 1) if isinstance(child, Element) else _escape(child.strip()) for child in element.children
    ]
    return _join(pieces)


def _join(pieces: list[str]) -> str:
    """Return LaTeX pieces in a row; a command is kept apart from a letter behind it."""
    text = ""
    for piece in pieces:
        if piece and re.search(r"\\[A-Za-z]+$", text) and piece[0].isalpha():
            text += " "
        text += piece
    return text


def _convert(element: Element, depth: int) -> str:
    """Return an element as LaTeX."""
    if depth > _MAX_DEPTH:
        return _escape(element.text().strip())
    form = _FORMS.get(element.tag)
    if form is not None:
        return form(element, depth)
    if element.tag.startswith("annotation") or element.tag in {"mphantom", "none", "mprescripts", "maligngroup", "malignmark"}:
        return ""
    return _row(element, depth)


def _symbols(text: str) -> str:
    """Return the text of a sign: known ones as commands."""
    text = text.strip().translate(_INVISIBLE)
    return _join([f"\\{_SYMBOLS[letter]}" if letter in _SYMBOLS else _escape(letter) for letter in text])


def _escape(text: str) -> str:
    """Return text with the characters escaped that LaTeX would take for commands."""
    return _SPECIAL.sub(r"\\\g<0>", text.translate(_INVISIBLE).replace("\\", r"\backslash "))


def _identifier(element: Element, depth: int) -> str:
    """Return a variable or the name of a function."""
    del depth
    text = element.text().strip()
    if text in _FUNCTIONS:
        return f"\\{text} "
    symbols = _symbols(text)
    if element.get("mathvariant") == "bold":
        return f"\\mathbf{{{symbols}}}"
    return f"\\mathrm{{{symbols}}}" if len(text) > 1 and text.isalpha() else symbols


def _operator(element: Element, depth: int) -> str:
    """Return an operator."""
    del depth
    return _symbols(element.text())


def _text(element: Element, depth: int) -> str:
    """Return words inside a formula."""
    del depth
    text = element.text()
    return f"\\text{{{_escape(text)}}}" if text.strip() else " "


def _parts(element: Element, depth: int) -> list[str]:
    """Return the arguments of an element; missing ones are empty."""
    return [*(_convert(child, depth + 1) for child in element.elements()), "", "", ""]


def _group(text: str) -> str:
    """Return LaTeX as one argument or base."""
    return text if re.fullmatch(r"[A-Za-z0-9]|\\[A-Za-z]+", text.strip()) else f"{{{text}}}"


def _fraction(element: Element, depth: int) -> str:
    top, bottom, *_ = _parts(element, depth)
    if element.get("linethickness") in {"0", "0px", "0pt"}:
        return f"\\binom{{{top}}}{{{bottom}}}"
    return f"\\frac{{{top}}}{{{bottom}}}"


def _root(element: Element, depth: int) -> str:
    base, index, *_ = _parts(element, depth)
    return f"\\sqrt[{index}]{{{base}}}"


def _scripts(below: int | None, above: int | None) -> Callable[[Element, int], str]:
    """Return the form of a base with scripts, by which argument is below and which above it."""

    def form(element: Element, depth: int) -> str:
        parts = _parts(element, depth)
        text = _group(parts[0]).strip()
        text += f"_{{{parts[below]}}}" if below and parts[below] else ""
        primes = parts[above] if above else ""
        return text + (f"^{{{primes}}}" if primes else "")

    return form


def _over(element: Element, depth: int) -> str:
    """Return a base with an accent, or with something above it."""
    base, over, *_ = _parts(element, depth)
    sign = next((child.text().strip() for child in list(element.elements())[1:2]), "")
    if sign in _ACCENTS:
        return f"\\{_ACCENTS[sign]}{{{base}}}"
    return _scripts(None, 1)(element, depth) if base.strip() in _LIMITS else f"\\overset{{{over}}}{{{base}}}"


def _under(element: Element, depth: int) -> str:
    """Return a base with something below it."""
    base, under, *_ = _parts(element, depth)
    return _scripts(1, None)(element, depth) if base.strip() in _LIMITS else f"\\underset{{{under}}}{{{base}}}"


_LIMITS = frozenset([r"\sum", r"\prod", r"\int", r"\lim", r"\max", r"\min", r"\sup", r"\inf", r"\bigcup", r"\bigcap"])


def _multiscripts(element: Element, depth: int) -> str:
    """Return a base with scripts on both sides."""
    children = list(element.elements())
    at = next((at for at, child in enumerate(children) if child.tag == "mprescripts"), len(children))
    base = _convert(children[0], depth + 1) if children else ""

    def scripts(found: list[Element]) -> str:
        signs = [_convert(child, depth + 1) for child in found]
        return "".join(f"{mark}{{{sign}}}" for mark, sign in zip("_^" * len(signs), signs, strict=False) if sign)

    before, after = scripts(children[at + 1 :]), scripts(children[1:at])
    return (f"{{}}{before}" if before else "") + _group(base) + after


def _fenced(element: Element, depth: int) -> str:
    """Return a formula in brackets."""
    opening, closing = element.attributes.get("open", "("), element.attributes.get("close", ")")
    separator = (element.attributes.get("separators", ",").strip() or "")[:1]
    return _symbols(opening) + separator.join(filter(None, _parts(element, depth))) + _symbols(closing)


def _table(element: Element, depth: int) -> str:
    """Return rows of a matrix or of several lines."""
    rows = [row for row in element.elements() if row.tag in {"mtr", "mlabeledtr"}]
    lines = [" & ".join(_row(cell, depth + 2) for cell in row.elements()) for row in rows]
    return "\\begin{matrix}" + " \\\\ ".join(lines) + "\\end{matrix}"


_FORMS: dict[str, Callable[[Element, int], str]] = {
    "mi": _identifier, "mo": _operator, "mn": _operator, "mtext": _text, "ms": _text, "mfrac": _fraction, "mroot": _root,
    "msqrt": lambda element, depth: f"\\sqrt{{{_row(element, depth)}}}", "msup": _scripts(None, 1), "msub": _scripts(1, None),
    "msubsup": _scripts(1, 2), "munderover": _scripts(1, 2), "mover": _over, "munder": _under, "mfenced": _fenced,
    "mmultiscripts": _multiscripts, "mtable": _table, "mspace": lambda element, depth: " ",
}  # fmt: skip
