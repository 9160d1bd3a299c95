"""Cut pages into windows of lines: what a model is asked about at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from document_parser.extraction.view import PageView, Segment

MAX_LINES = 60
"""Lines of a window, at most: a page, or a part of a long table whose rows a model still returns to the last."""
MAX_CHARACTERS = 8000
"""Characters of a window, at most, unless a single line is longer."""
SAME_LINE = 0.5
"""Share of the lower of two pieces that must be beside the other to be on its line."""


class Line(NamedTuple):
    """A line of a page: its edges in points and its text, with wide gaps between its pieces."""

    top: float
    bottom: float
    text: str


class Window(NamedTuple):
    """Lines of a page that are asked about together."""

    view: PageView
    lines: tuple[Line, ...]

    @property
    def text(self) -> str:
        """Return the lines as text."""
        return "\n".join(line.text for line in self.lines)

    @property
    def top(self) -> float:
        """Return where the first line begins, in points."""
        return self.lines[0].top if self.lines else 0.0

    @property
    def bottom(self) -> float:
        """Return where the last line ends, in points."""
        return max((line.bottom for line in self.lines), default=self.view.height)

    def below(self, y: float) -> Window | None:
        """Return the lines whose middle is below a height; None if there is none, or if these are all."""
        rest = tuple(line for line in self.lines if (line.top + line.bottom) / 2 > y)
        return Window(self.view, rest) if rest and len(rest) < len(self.lines) else None

    def within(self, ranges: Iterable[tuple[float, float]]) -> Window:
        """Return the lines whose middle is in one of these ranges of heights."""
        spans = list(ranges)
        kept = [line for line in self.lines if any(top - 1 <= (line.top + line.bottom) / 2 <= low + 1 for top, low in spans)]
        return Window(self.view, tuple(kept))


def quote(text: str) -> str:
    """Return a part of a document as it stands in a question: marked off, so that nothing in it ends the mark."""
    safe = text.replace("</document>", "< /document>").replace("<document>", "< document>")
    return f"<document>\n{safe}\n</document>"


def windows_of(view: PageView) -> Iterator[Window]:
    """Yield a page as windows, from top to bottom. One without words is a window without lines."""
    part: list[Line] = []
    size = 0
    for line in lines_of_view(view):
        if part and (len(part) >= MAX_LINES or size + len(line.text) > MAX_CHARACTERS):
            yield Window(view, tuple(part))
            part, size = [], 0
        part.append(line)
        size += len(line.text)
    yield Window(view, tuple(part))


def lines_of_view(view: PageView) -> list[Line]:
    """Return the lines of a page: its pieces beside each other, from left to right."""
    groups: list[list[Segment]] = []
    for segment in view.segments:
        if groups and _is_beside(segment, groups[-1]):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return [
        Line(
            min(one.top for one in group),
            max(one.bottom for one in group),
            "   ".join(one.text for one in sorted(group, key=lambda one: one.left)),
        )
        for group in groups
    ]


def _is_beside(segment: Segment, group: Sequence[Segment]) -> bool:
    """Return whether a piece is on the line of others."""
    first = group[0]
    shared = min(segment.bottom, first.bottom) - max(segment.top, first.top)
    return shared >= SAME_LINE * min(segment.height, first.height)
