"""Markdown as a document of one part: GitHub's dialect, by way of HTML. Runs in the opener child."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

from markdown_it import MarkdownIt

from document_parser.models import Block, Part
from document_parser.sources.decoding import decode_text
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.html import HtmlFile, part_of
from document_parser.sources.markup.page import ResolveImage
from document_parser.sources.markup.tree import parse_html

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.S)
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DELIMITERS = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_BAR = re.compile(r"(?<!\\)\|")
_FORMULA = re.compile(
    r"(?<![\\$])\$\$(?=\S|\s*\S)(.+?)(?<!\\)\$\$|(?<![\\$\w])\$(?=\S)([^$\n]+?)(?<=[^\s\\])\$(?![\d$\w])", re.S
)
_CODE = re.compile(
    r"(?P<fence>^ {0,3}(`{3,}|~{3,})[^\n]*\n.*?(?:^ {0,3}\2[`~]*[ \t]*$|\Z))|(?P<code>(`+)(?!`).+?(?<!`)\4(?!`))", re.S | re.M
)
_TASK = re.compile(r"(<li>\s*(?:<p>)?)\[([ xX])\](?=\s)")
_NOTE = re.compile(r"^\[\^([^\]\s]+)\]:[ \t]*(.*(?:\n(?:[ \t]+.*|(?=\n[ \t])))*)", re.M)
_PLACE = re.compile("\ue000([0-9]{1,9})\ue001")
"""What stands for a formula while the text is Markdown; characters of private use mean nothing there."""
_NOTE_MARK = re.compile(r"\[\^([^\]\s]+)\](?!:)")


class MarkdownFile(HtmlFile):
    """A file of Markdown."""

    def part(self, number: int) -> Part:
        """Return the blocks of the text; what stands before it between lines of dashes (its metadata) is code."""
        self.location(number)
        decoded = decode_text(self._path.read_bytes())
        text = decoded.text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
        front = _FRONT_MATTER.match(text)
        found = blocks_of_markdown(text[front.end() :] if front else text)
        if front and front[1].strip():
            found.blocks.insert(0, Block(kind="code", text=front[1]))
        self._images = found.images
        return part_of(found, undecoded=decoded)


def blocks_of_markdown(text: str, resolve_image: ResolveImage | None = None) -> HtmlBlocks:
    """Return the blocks of Markdown: with tables, struck-out text, tasks, notes, and formulas between dollar signs."""
    formulas: list[str] = []
    text = _keep_formulas(_widen_tables(text), formulas)
    text, notes = _take_notes(text)
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    html = _TASK.sub(lambda match: match[1] + ("☐" if match[2] == " " else "☒"), renderer.render(text))
    for name, note in notes:
        body = renderer.render(note).replace("<p>", f"<p>{_mark_of(name, f'{name}:')} ", 1)
        html += f'<aside role="doc-footnote" id="{escape(name)}">{body}</aside>'
    html = _PLACE.sub(lambda match: formulas[int(match[1])] if int(match[1]) < len(formulas) else match[0], html)
    return blocks_of_html(parse_html(html), resolve_image)


def _keep_formulas(text: str, formulas: list[str]) -> str:
    """Return the text with marks in place of formulas outside of code, and add their HTML to ``formulas``.

    Markdown would take their underscores and backslashes for its own.
    """

    def keep(match: re.Match[str]) -> str:
        alone = (
            not match.string[: match.start()].rpartition("\n")[2].strip() and not match.string[match.end() :].partition("\n")[0]
        )
        kind = "display" if match[1] is not None and alone else "inline"
        tex = (match[1] or match[2]).strip().replace("&", "&amp;").replace("<", "&lt;")
        formulas.append(f'<span class="math {kind}">{tex}</span>')
        return f"\ue000{len(formulas) - 1}\ue001"

    return _outside_code(text, lambda piece: _FORMULA.sub(keep, piece))


def _take_notes(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Return the text with the marks of notes in brackets, and the notes by their names."""
    notes: list[tuple[str, str]] = []

    def take(match: re.Match[str]) -> str:
        notes.append((match[1], re.sub(r"^[ \t]+", "", match[2], flags=re.M)))
        return ""

    text = _NOTE.sub(take, text)
    names = {name for name, _ in notes}

    def refer(match: re.Match[str]) -> str:
        return _mark_of(match[1], f"\\[{match[1]}\\]") if match[1] in names else match[0]

    return _outside_code(text, lambda piece: _NOTE_MARK.sub(refer, piece)), notes


def _mark_of(name: str, shown: str) -> str:
    """Return the mark of a note in HTML."""
    return f'<a role="doc-noteref" href="#{escape(name)}">{shown}</a>'


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """Return a text changed outside of its code."""
    pieces, at = [], 0
    for code in _CODE.finditer(text):
        pieces += [change(text[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*pieces, change(text[at:])])


def _widen_tables(text: str) -> str:
    """Return the text with a cell for each column in the heads of its tables: readers of Markdown cut surplus cells."""
    lines, fence = text.split("\n"), ""
    for at, line in enumerate(lines):
        match = _FENCE.match(line)
        if match:
            fence = "" if fence and match[1].startswith(fence) else fence or match[1]
        if fence or at == 0 or "|" not in lines[at - 1] or "-" not in line or not _DELIMITERS.fullmatch(line):
            continue
        end = next((row for row in range(at + 1, len(lines)) if "|" not in lines[row]), len(lines))
        columns = max(_count_cells(row) for row in lines[at - 1 : end] if row is not line)
        if columns > _count_cells(line) or columns > _count_cells(lines[at - 1]):
            lines[at - 1] = _widen(lines[at - 1], columns, " ")
            lines[at] = _widen(line, columns, "---")
    return "\n".join(lines)


def _count_cells(row: str) -> int:
    """Return the number of cells of a row."""
    return len(_BAR.split(row.strip().removeprefix("|").removesuffix("|")))


def _widen(row: str, columns: int, cell: str) -> str:
    """Return a row with so many cells."""
    return row.rstrip().removesuffix("|") + f"|{cell}" * max(0, columns - _count_cells(row)) + "|"
