"""Text of a document as Markdown that shows exactly this text: escaped where it must be, and only there.

Formulas between dollar signs stay as they are, but for what could be HTML or a link to a viewer. The rules follow CommonMark
0.31 and GitHub's extensions (tables, strikethrough, footnotes, formulas).
"""

from __future__ import annotations

import re

_FORMULA = r"\$\$(?=\S).+?\$\$|\$(?=[^\s$])[^$\n]*?(?<=[^\s\\])\$(?![\d$])"
_MATHEMATICAL = re.compile(r"[\\^_={}<>]|^\$[^\s$]{1,12}\$$")
_MARKUP = re.compile(
    r"""
    <(?=[A-Za-z/!?])
    | (?<=\])(?=[(\[:])
    | \\(?=(?:href|url|html[A-Za-z]*|includegraphics|class|cssId|style|data|bbox|require|unicode|mmlToken|csname)(?![A-Za-z]))
    """,
    re.VERBOSE,
)
"""In a formula: HTML or a link to viewers that do not know formulas; commands with which KaTeX and MathJax make links, load
pictures and extensions, and set attributes."""
_MONEY = re.compile(r"^\$[\d.,]+(?:[kKmM]|bn)?\$$")
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


def paragraph(text: str) -> str:
    """A paragraph, a list item's text or a caption. Line breaks are kept as Markdown's hard breaks."""
    return paragraph_of(inline(text))


def paragraph_of(written: str) -> str:
    """The lines of a paragraph whose Markdown is written already, so that none begins as something else."""
    lines = [line.strip() for line in written.split("\n")]
    return "  \n".join(_LINE_START.sub(_at_start, line, count=1) if _LINE_START.match(line) else line for line in lines if line)


def means_something(line: str) -> bool:
    """Whether a line of text begins as one of a list, a heading, a rule or the like does."""
    return _LINE_START.match(line.strip()) is not None


def heading(text: str) -> str:
    """The text of a heading, on one line; a closing run of # stays part of it."""
    return heading_of(inline(text))


def heading_of(written: str) -> str:
    """The same of a text whose Markdown is written already."""
    return re.sub(r"(^|\s)(#+)$", r"\1\\\2", " ".join(written.split()))


def cell(text: str) -> str:
    """The text of a cell of a pipe table."""
    return cell_of(inline(text))


def cell_of(written: str) -> str:
    """The same of a text whose Markdown is written already."""
    return " ".join(written.split()).replace("|", "\\|")


def label(text: str) -> str:
    """Alternative text of a picture."""
    return re.sub(r"(?<!\\)([\[\]])", r"\\\1", inline(" ".join(text.split())))


def inline(text: str) -> str:
    """Text that does not begin a line, or whose beginning means nothing."""
    return _TOKEN.sub(_token, text)


def characters(text: str) -> list[str]:
    """What each character of a text becomes beside marks of emphasis and links: nothing that could pair with such a mark
    stays as it is. A formula is written at its first character, the others of it become nothing.
    """
    written = list(text)
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        if match["formula"] and _is_formula(match[0]):
            written[start:end] = [_formula(match[0]), *[""] * (end - start - 1)]
        elif match["formula"]:
            written[start:end] = ["\\$", *characters(text[start + 1 : end - 1]), "\\$"]
        elif not (match["run"] and match[0][0] == "_" and _is_intraword(match)):
            written[start:end] = [f"\\{character}" for character in match[0]]
    return ["\\\\" if character == "\\" else character for character in written]


def _is_intraword(match: re.Match[str]) -> bool:
    return match.string[: match.start()][-1:].isalnum() and match.string[match.end() :][:1].isalnum()


def formula_ranges(text: str) -> list[tuple[int, int]]:
    """From where to where the formulas of a text stand."""
    return [match.span() for match in _TOKEN.finditer(text) if match["formula"] and _is_formula(match[0])]


def formulas(text: str) -> list[str]:
    """The formulas in a text, with their dollar signs."""
    return [match["formula"] for match in _TOKEN.finditer(text) if match["formula"] and _is_formula(match["formula"])]


def _at_start(match: re.Match[str]) -> str:
    return f"{match['number']}\\{match['stop']}" if match["number"] else f"\\{match[0]}"


def _token(match: re.Match[str]) -> str:
    if match["formula"]:
        return _formula(match[0])
    if match["run"] and not _pairs(match):
        return match[0]
    return "".join(f"\\{character}" for character in match[0])


def _formula(text: str) -> str:
    """A formula as it is; a pair of dollar signs that is none loses its meaning by a backslash."""
    if _is_formula(text):
        return without_markup(" ".join(text.split("\n")))
    return "\\$" + inline(text[1:-1]) + "\\$"


def without_markup(formula: str) -> str:
    """A formula that brings no HTML, link or picture into a page, shown as before: ``<`` as a command, the name of a command as
    text.
    """
    return _MARKUP.sub(lambda match: {"<": r"\lt ", "": " "}.get(match[0], r"\backslash "), formula)


def _is_formula(text: str) -> bool:
    return _MONEY.match(text) is None and (text.startswith("$$") or _MATHEMATICAL.search(text) is not None)


def _pairs(match: re.Match[str]) -> bool:
    """Whether a run of marks could open or close something: text beside it, and another run to pair with."""
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
