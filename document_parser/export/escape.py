"""Escape text for Markdown so that exactly this text is shown; only what must be escaped is.

Formulas between dollar signs stay as they are, except for what could be HTML or a link to a viewer.

Source: CommonMark 0.31 and GitHub's extensions (tables, strikethrough, footnotes, formulas).
"""

from __future__ import annotations

import re

_FORMULA = r"\$\$(?=\S).+?\$\$|\$(?=[^\s$])[^$\n]*?(?<=[^\s\\])\$(?![\d$])"
"""A formula with its dollar signs, or a pair of dollar signs that looks like one."""
_MATHEMATICAL = re.compile(r"[\\^_={}<>]|^\$[^\s$]{1,12}\$$")
"""What shows that a text between single dollar signs is a formula."""
_MARKUP = re.compile(
    r"""
    <(?=[A-Za-z/!?])
    | (?<=\])(?=[(\[:])
    | \\(?=(?:href|url|html[A-Za-z]*|includegraphics|class|cssId|style|data|bbox|require|unicode|mmlToken|csname)(?![A-Za-z]))
    """,
    re.VERBOSE,
)
"""In a formula: HTML or a link to viewers that do not know formulas; commands with which KaTeX and MathJax make links, load
images and extensions, and set attributes."""
_MONEY = re.compile(r"^\$[\d.,]+(?:[kKmM]|bn)?\$$")
"""An amount between two dollar signs, which is no formula."""
_TOKEN = re.compile(
    rf"""
    (?P<formula>{_FORMULA})
    | (?P<run>\*+|_+|~+|`+)                     # emphasis, strikethrough, code: only in pairs, only beside text
    | (?P<plain>
        \\(?=[!-/:-@\[-`{{-~]|$)                # a backslash that would escape what follows
      | <(?=[A-Za-z/!?])                        # HTML
      | &(?=\#\d{{1,7}};|\#[xX][0-9a-fA-F]{{1,6}};|[A-Za-z][A-Za-z0-9]{{1,31}};)
      | \[(?=\^)                                # a footnote mark
      | \](?=[(\[:])                            # a link, or the target of one
    )
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
"""What has a meaning in the middle of a line."""
_TOKEN_CHARACTER = re.compile(r"[$*_~`\\<&\[\]]")
"""The first character of every token: most texts have none."""
_LINE_START = re.compile(
    r"""
    (?P<number>\d{1,9})(?P<stop>[.)])(?=\s|$)    # an ordered item: the stop is escaped
    | \#(?=\#{0,5}(?:\s|$))                      # a heading
    | >
    | [-+*](?=\s|$)                              # a bullet
    | [-_*](?=(?:\s*[-_*])+\s*$)                 # a thematic break, or the line that makes a heading of the one above
    | =(?==*\s*$)
    | ~(?=~~) | `(?=``)                          # a fence
    | [|:-](?=[\s|:-]*-[\s|:-]*$)                # the second line of a table
    """,
    re.VERBOSE,
)
"""What has a meaning at the start of a line."""


def escape_paragraph_markup(written: str) -> str:
    """Return the lines of a paragraph in Markdown, escaped so that none starts as another kind of block.

    Line breaks become Markdown's hard breaks; empty lines are removed.
    """
    lines = [line.strip() for line in written.split("\n")]
    return "  \n".join(
        _LINE_START.sub(_escape_start, line, count=1) if _LINE_START.match(line) else line for line in lines if line
    )


def is_block_start(line: str) -> bool:
    """Return whether a line of text starts like a list item, a heading, a rule or another kind of block."""
    return _LINE_START.match(line.strip()) is not None


def escape_heading_markup(written: str) -> str:
    """Return the Markdown of a heading on one line, with a closing run of # escaped."""
    return re.sub(r"(^|\s)(#+)$", r"\1\\\2", " ".join(written.split()))


def escape_cell_markup(written: str) -> str:
    """Return the Markdown of a cell of a pipe table on one line, with | escaped."""
    return " ".join(written.split()).replace("|", "\\|")


def escape_label(text: str) -> str:
    """Return a text escaped for the alternative text of an image."""
    return re.sub(r"(?<!\\)([\[\]])", r"\\\1", escape_inline(" ".join(text.split())))


def escape_inline(text: str) -> str:
    """Return a text escaped for a place that does not start a line, or whose start has no meaning."""
    return _TOKEN.sub(_escape_token, text) if _TOKEN_CHARACTER.search(text) else text


def escape_characters(text: str) -> list[str]:
    """Return what each character of a text becomes beside marks of emphasis and links.

    Nothing that could pair with such a mark stays as it is. A formula is written at its first character; its other characters
    become empty.
    """
    written = list(text)
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match["formula"] and _is_formula(match[0]):
            written[start:end] = [_escape_formula(match[0]), *[""] * (end - start - 1)]
        elif match["formula"]:
            written[start:end] = ["\\$", *escape_characters(text[start + 1 : end - 1]), "\\$"]
        elif not (match["run"] and match[0][0] == "_" and _is_intraword(match)):
            written[start:end] = [f"\\{character}" for character in match[0]]
    return ["\\\\" if character == "\\" else character for character in written]


def _is_intraword(match: re.Match[str]) -> bool:
    """Return whether a run of marks is inside a word."""
    return match.string[: match.start()][-1:].isalnum() and match.string[match.end() :][:1].isalnum()


def find_formula_ranges(text: str) -> list[tuple[int, int]]:
    """Return the start and end of each formula in a text."""
    return [match.span() for match in _TOKEN.finditer(text) if match["formula"] and _is_formula(match[0])]


def find_formulas(text: str) -> list[str]:
    """Return the formulas in a text, with their dollar signs."""
    if "$" not in text:
        return []
    return [match["formula"] for match in _TOKEN.finditer(text) if match["formula"] and _is_formula(match["formula"])]


def _escape_start(match: re.Match[str]) -> str:
    """Return the start of a line escaped; of a number its stop is escaped."""
    return f"{match['number']}\\{match['stop']}" if match["number"] else f"\\{match[0]}"


def _escape_token(match: re.Match[str]) -> str:
    """Return a token escaped if it has a meaning."""
    if match["formula"]:
        return _escape_formula(match[0])
    if match["run"] and not _is_paired(match):
        return match[0]
    return "".join(f"\\{character}" for character in match[0])


def _escape_formula(text: str) -> str:
    """Return a formula as it is; a pair of dollar signs that is none is escaped."""
    if _is_formula(text):
        return remove_formula_markup(" ".join(text.split("\n")))
    return "\\$" + escape_inline(text[1:-1]) + "\\$"


def remove_formula_markup(formula: str) -> str:
    """Return a formula that brings no HTML, link or image into a page and is shown as before.

    A ``<`` becomes a command, and the backslash of an unsafe command a visible one.
    """
    return _MARKUP.sub(lambda match: {"<": r"\lt ", "": " "}.get(match[0], r"\backslash "), formula)


def formula_body(text: str) -> str:
    """Return a formula without the signs around it, cleaned as by ``remove_formula_markup``."""
    return remove_formula_markup(re.sub(r"^(?:\$\$|\\\[)|(?:\$\$|\\\])$", "", text).strip())


def _is_formula(text: str) -> bool:
    """Return whether a text between dollar signs is a formula."""
    return _MONEY.match(text) is None and (text.startswith("$$") or _MATHEMATICAL.search(text) is not None)


def _is_paired(match: re.Match[str]) -> bool:
    """Return whether a run of marks could open or close something: text is beside it, and another run pairs with it."""
    text, mark = match.string, match[0][0]
    before = text[match.start() - 1] if match.start() else " "
    after = text[match.end()] if match.end() < len(text) else " "
    if text.count(mark) == len(match[0]):
        return False
    if mark == "`":
        return True
    if mark == "_" and before.isalnum() and after.isalnum():
        return False
    return not (before.isspace() and after.isspace())
