"""Turn the bold, italic, struck-out and linked words of lines into spans of the text that the lines become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from document_parser.layout.lines.joining import find_line_joins
from document_parser.layout.lines.lines import Line
from document_parser.layout.lines.word_edges import text_of as text_of_word
from document_parser.models import Block, Span, Word
from document_parser.text.spans import Run, Style, find_addresses, slice_runs, spans_of, text_of, tidy_spans

_looks_of: Callable[[Word], tuple[bool, bool, bool, str]] = itemgetter(
    *map(Word._fields.index, ("bold", "italic", "struck", "link"))
)
_PLAIN = (False, False, False, "")
_ADDRESS_SIGNS = "@", "://", "www."

USUAL_LOOK_SHARE = 0.5
"""Share of a page's letters above which bold or italic is the usual style of the page, and no emphasis."""


def spans_of_lines(lines: Sequence[Line], known: frozenset[str] = frozenset(), dropped: int = 0) -> list[Span]:
    """Return the spans of the text that ``join_lines`` makes of these lines, without its first ``dropped`` characters.

    ``known`` is the page's vocabulary, which decides about hyphens at line ends. Empty for
    words without a style or link.
    """
    if not any(has_emphasis_or_link(line.words) for line in lines):
        return []
    runs: list[Run] = []
    rows = [line for line in lines if line.text]
    for line, (kept, between) in zip(rows, find_line_joins((line.text for line in rows), known), strict=True):
        end = None if kept == line.text else len(kept)
        runs += [*slice_runs(list(_runs_of(line, is_last=line is rows[-1])), 0, end), Run(between)]
    runs = slice_runs(runs, dropped)
    return tidy_spans(text_of(runs), spans_of(runs))


def has_emphasis_or_link(words: Sequence[Word]) -> bool:
    """Return whether one of these words is bold, italic, struck out, linked or may be an address."""
    if any(looks != _PLAIN for looks in map(_looks_of, words)):
        return True
    together = "\n".join(map(text_of_word, words))
    return any(sign in together for sign in _ADDRESS_SIGNS) and any(map(_may_be_address, words))


def _may_be_address(word: Word) -> bool:
    """Return whether a word of a text layer may be an address. OCR words never are: a misread address leads to a stranger."""
    text = word.text
    return ("@" in text or "://" in text or "www." in text) and word.size_points > 0


def _runs_of(line: Line, *, is_last: bool) -> Iterator[Run]:
    """Yield the text of a line as runs, each in one style."""
    styles: dict[tuple[bool, bool, bool, str], Style] = {}
    for text, word in line.parts:
        if word is None:
            yield Run(text)
            continue
        bold, italic, struck, link = looks = _looks_of(word)
        if not link and _may_be_address(word) and (is_last or word is not line.words[-1]):
            yield from _split_addresses(text, word)
            continue
        if looks not in styles:
            styles[looks] = Style(bold, italic, link or None, struck)
        yield Run(text, styles[looks])


def _split_addresses(text: str, word: Word) -> Iterator[Run]:
    """Split a word at the addresses it contains. The caller leaves out words at a line's end, whose address may go on."""
    at = 0
    for found in find_addresses(text):
        yield Run(text[at : found.start], Style(word.bold, word.italic, None, word.struck))
        yield Run(text[found.start : found.end], Style(word.bold, word.italic, str(found.value), word.struck))
        at = found.end
    yield Run(text[at:], Style(word.bold, word.italic, None, word.struck))


def keep_distinct_emphasis(blocks: list[Block]) -> list[Block]:
    """Remove the emphasis that does not distinguish words from others, and return the blocks.

    Bold or italic is removed if most of the page's letters have it. So are bold in headings and header cells, and italic in
    headings that are mostly italic. The blocks and their cells are changed in place.
    """
    if not any(_has_spans(block) for block in blocks):
        return blocks
    letters = sum(len(text) for block in blocks for text, _ in _texts_of(block))
    # Headings do not count: they are bold anyway.
    spans = [spans for block in blocks if block.kind not in ("title", "heading") for _, spans in _texts_of(block)]
    bold, italic = (_share_of_letters(spans, letters, look) <= USUAL_LOOK_SHARE for look in (_is_bold, _is_italic))
    for block in blocks:
        heading = block.kind in ("title", "heading")
        slanted = italic and not (heading and _share_of_letters([block.spans], len(block.text), _is_italic) > USUAL_LOOK_SHARE)
        block.spans = _drop_emphasis(block.text, block.spans, bold=bold and not heading, italic=slanted)
        for cell in block.table.cells if block.table else ():
            cell.spans = _drop_emphasis(cell.text, cell.spans, bold=bold and not cell.header, italic=italic)
    return blocks


def unmark_usual_bold(words: list[Word], others: Sequence[Word] = ()) -> list[Word]:
    """Return the words; on a page most of whose letters are bold, no word counts as bold, since bold says nothing there.

    ``others`` are further words of the page, which are counted only.
    """
    everything = [*words, *others]
    bold = sum(len(word.text) for word in everything if word.bold)
    if bold <= USUAL_LOOK_SHARE * sum(len(word.text) for word in everything):
        return words
    return [word._replace(bold=False) for word in words]


def _has_spans(block: Block) -> bool:
    """Return whether a block or one of its cells has spans."""
    return bool(block.spans) or (block.table is not None and any(cell.spans for cell in block.table.cells))


def _texts_of(block: Block) -> Iterator[tuple[str, list[Span]]]:
    """Yield the text and the spans of a block and of each of its cells."""
    yield block.text, block.spans
    for cell in block.table.cells if block.table else ():
        yield cell.text, cell.spans


def _share_of_letters(texts: Iterable[Sequence[Span]], letters: int, look: Callable[[Span], bool]) -> float:
    """Return the share of ``letters`` that lie in spans for which ``look`` is true."""
    return sum(span.end - span.start for spans in texts for span in spans if look(span)) / max(1, letters)


def _is_bold(span: Span) -> bool:
    """Return whether a span is bold."""
    return span.bold


def _is_italic(span: Span) -> bool:
    """Return whether a span is italic."""
    return span.italic


def _drop_emphasis(text: str, spans: list[Span], *, bold: bool, italic: bool) -> list[Span]:
    """Return the spans without bold or italic if that is False. Spans that say nothing are left out."""
    if not spans or (bold and italic):
        return spans
    kept = [span.model_copy(update={"bold": span.bold and bold, "italic": span.italic and italic}) for span in spans]
    return tidy_spans(text, kept)
