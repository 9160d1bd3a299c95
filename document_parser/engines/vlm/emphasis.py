"""Take Markdown emphasis out of the models' texts and keep it as spans beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from document_parser.models import Block, Cell
from document_parser.text.spans import Run, Style, spans_of, text_of, tidy_spans

# Each alternative ends at the next mark of its own kind, so that a text of many marks takes linear time.
_TOKEN = re.compile(
    r"""
    (?P<kept>`[^`\n]+`|\$\$[^$]+\$\$|\$(?=[^\s$])[^$\n]*?[^\s$\\]\$(?![\d$]))    # code and formulas stay as they are
    | (?<![\\~])~~(?=[^\s~])(?P<struck>[^~\n]+)(?<=\S)~~(?!~)
    | (?<![\\*])\*\*\*(?=[^\s*])(?P<both>[^*\n]+)(?<=\S)\*\*\*(?!\*)
    | (?<![\\*])\*\*(?=[^\s*])(?P<bold>(?:[^*\n]|(?<!\*)\*(?!\*))+)(?<=\S)\*\*(?!\*)
    | (?<![\w\\*])\*(?=[^\s*])(?P<italic>[^*\n]+)(?<=\S)\*(?![\w*])
    """,
    re.VERBOSE,
)
_LOOKS = {
    "both": Style(bold=True, italic=True),
    "bold": Style(bold=True),
    "italic": Style(italic=True),
    "struck": Style(struck=True),
}


def extract_emphasis(part: Block | Cell) -> None:
    """Remove the emphasis marks from a block's or cell's text and keep bold, italic and struck out as its spans."""
    if "*" not in part.text and "~~" not in part.text:
        return
    runs = list(_split_runs(part.text, Style()))
    part.text = text_of(runs)
    part.spans = tidy_spans(part.text, spans_of(runs))


def _split_runs(text: str, look: Style) -> Iterator[Run]:
    """Yield the runs of a text without its emphasis marks."""
    at = 0
    for match in _TOKEN.finditer(text):
        yield Run(text[at : match.start()], look)
        name = match.lastgroup or "kept"
        if name == "kept":
            yield Run(match[0], look)
        else:
            own = _LOOKS[name]
            both = Style(look.bold or own.bold, look.italic or own.italic, struck=look.struck or own.struck)
            yield from _split_runs(match[name], both)
        at = match.end()
    yield Run(text[at:], look)
