"""Emphasis and links in texts: which ranges of a text they cover, and which addresses a link may lead to.

Pure functions. A text and its spans can be cut, joined and cleaned as runs: pieces of text in one style.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence, Set
from itertools import groupby, pairwise
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from document_parser.models import Span

MAX_LINK_CHARACTERS = 2000
"""Maximum characters of an address; longer ones are not kept as links."""
PAGE_LINK = "#page-"
"""How a link to a page of the same document begins; its number follows."""

_PAGE = re.compile(r"#page-[1-9]\d{0,8}")
_HOST = re.compile(r"(?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+\.?|\[[0-9A-Fa-f:.]+\]")
_MAIL = re.compile(r"[^\s@:/?#<>\"]+@[A-Za-z0-9.-]+")
_ALLOWED = "-._~:/?#[]@!$&'()*+,;=%"
_NAMED = re.compile(
    r"(?:https?://|www\.)[^\s<>\"“”«»|\\^`{}]+\.[^\s<>\"“”«»|\\^`{}]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.IGNORECASE | re.ASCII
)
_AFTER = ",;:.!?…"
_SENTENCE_END = ".!?…"
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»", "‘": "’", "„": "“", '"': '"', "'": "'"}
_CLOSING = frozenset(_PAIRS.values())
_WORD = re.compile(r"[^\W_]{2}")
"""A single italic or bold letter is a symbol, not emphasis."""
_CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


class Style(NamedTuple):
    """The emphasis of a piece of text, the address of its link, and the name of the note that it is the mark of; else None."""

    bold: bool = False
    italic: bool = False
    link: str | None = None
    struck: bool = False
    code: bool = False
    note: str | None = None


class Run(NamedTuple):
    """A piece of text in one style."""

    text: str
    style: Style = Style()


class Range(NamedTuple):
    """The characters from ``start`` up to ``end``, and the value that they share."""

    start: int
    end: int
    value: str | bool = True


def runs_of(text: str, spans: Sequence[Span]) -> list[Run]:
    """Return the whole text as runs. Spans that overlap or reach beyond its end are cut."""
    runs, at = [], 0
    for span in spans:
        start, end = max(at, span.start), min(len(text), span.end)
        if start < end:
            runs += [Run(text[at:start]), Run(text[start:end], style_of(span))]
            at = end
    return [run for run in (*runs, Run(text[at:])) if run.text]


def style_of(span: Span) -> Style:
    """Return the style of a span's text."""
    return Style(span.bold, span.italic, span.link, span.struck, span.code, span.note)


def spans_of(runs: Iterable[Run]) -> list[Span]:
    """Return the spans of the text that these runs make."""
    spans, at = [], 0
    for look, group in groupby(runs, key=lambda run: run.style):
        start, at = at, at + sum(len(run.text) for run in group)
        if look != Style() and start < at:
            spans.append(Span(start=start, end=at, **look._asdict()))
    return spans


def text_of(runs: Iterable[Run]) -> str:
    """Return the text that these runs make."""
    return "".join(run.text for run in runs)


def slice_runs(runs: Sequence[Run], start: int, end: int | None = None) -> list[Run]:
    """Return the runs of the characters from ``start`` up to ``end``; None reaches to the end."""
    if start <= 0 and end is None:
        return [run for run in runs if run.text]
    kept, at = [], 0
    for run in runs:
        piece = run.text[max(0, start - at) : None if end is None else max(0, end - at)]
        if piece:
            kept.append(Run(piece, run.style))
        at += len(run.text)
    return kept


def strip_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without white space at both ends of their text."""
    text = text_of(runs)
    if text == text.strip():
        return [run for run in runs if run.text]
    start = len(text) - len(text.lstrip())
    return slice_runs(runs, start, max(start, len(text.rstrip())))


def replace_text(text: str, spans: Sequence[Span], old: str, new: str) -> tuple[str, list[Span]]:
    """Replace the first ``old`` in a text by ``new``, and return the text and its moved spans.

    Raises ValueError if the text has no ``old``.
    """
    start = text.index(old)
    runs = runs_of(text, spans)
    look = next(iter(slice_runs(runs, start, start + 1)), Run("")).style
    runs = [*slice_runs(runs, 0, start), Run(new, look), *slice_runs(runs, start + len(old))]
    return text_of(runs), spans_of(runs)


def tidy_spans(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return the spans that matter, joined over white space and without white space and punctuation at their ends.

    Emphasis of a part of a word is dropped, because no reader of Markdown would show it. What is struck out, and code, keep
    their punctuation.
    """
    notes = [found for span in find_notes(spans) if (found := trim_white(text, span))]
    borders = {place for one in notes for place in one[:2]}
    emphasis = (find_ranges(text, spans, lambda span: span.bold), find_ranges(text, spans, lambda span: span.italic))
    bold, italic = ([one for span in found if (one := _trim_emphasis(text, span, borders))] for found in emphasis)
    links = [found for span in find_ranges(text, spans, lambda span: span.link or False) if (found := _trim_link(text, span))]
    struck = [found for span in find_ranges(text, spans, lambda span: span.struck) if (found := trim_white(text, span))]
    code = [found for span in find_code(spans) if (found := trim_white(text, span))]
    return _compose_spans(bold, italic, links, struck, code, notes)


def find_notes(spans: Sequence[Span]) -> list[Range]:
    """Return the ranges of the marks of notes, each with the name of its note."""
    return [Range(span.start, span.end, span.note) for span in spans if span.note]


def find_code(spans: Sequence[Span]) -> list[Range]:
    """Return the ranges of code. Two with white space between them stay two."""
    found: list[Range] = []
    for span in spans:
        if span.code and found and found[-1].end == span.start:
            found[-1] = Range(found[-1].start, span.end)
        elif span.code:
            found.append(Range(span.start, span.end))
    return found


def find_ranges(text: str, spans: Sequence[Span], value: Callable[[Span], str | bool]) -> list[Range]:
    """Return the longest ranges with the same value, also across white space. Ranges without a value are left out."""
    found: list[Range] = []
    for span in spans:
        now = value(span)
        if not now:
            continue
        before = found[-1] if found else None
        if before and before.value == now and not text[before.end : span.start].strip():
            found[-1] = Range(before.start, span.end, now)
        else:
            found.append(Range(span.start, span.end, now))
    return found


def _trim_emphasis(text: str, span: Range, borders: Set[int]) -> Range | None:
    """Return the range of emphasis reduced to whole words, which also end at ``borders``. None if no word is left."""
    start, end = _trim(text, span.start, span.end)
    while start < end and start not in borders and is_inside_word(text, start):
        start, end = _trim(text, _find_white(text, start, end), end)
    while start < end and end not in borders and is_inside_word(text, end):
        start, end = _trim(text, start, max(start, text.rfind(" ", start, end)))
    return Range(start, end) if _WORD.search(text, start, end) or _CJK.search(text, start, end) else None


def trim_white(text: str, span: Range) -> Range | None:
    """Return the range without white space at its ends. None if nothing is left."""
    start, end = span.start, span.end
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return Range(start, end, span.value) if start < end else None


def is_inside_word(text: str, place: int) -> bool:
    """Return whether the characters before and at a position belong to one word.

    Scripts without spaces have no words to split: False.
    """
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return before.isalnum() and after.isalnum() and not (_CJK.match(before) or _CJK.match(after))


def _find_white(text: str, start: int, end: int) -> int:
    """Return the position of the next space; the end if there is none."""
    found = text.find(" ", start, end)
    return end if found < 0 else found


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range without white space, punctuation and unpaired brackets at its ends.

    A whole sentence keeps its full stop.
    """
    while start < end and (text[start].isspace() or text[start] in _AFTER or _is_unpaired_opening(text, start, end)):
        start += 1
    stops = _AFTER.translate({ord(stop): None for stop in _SENTENCE_END}) if _begins_sentence(text, start) else _AFTER
    while start < end and (text[end - 1].isspace() or text[end - 1] in stops or _is_unpaired_closing(text, start, end)):
        end -= 1
    return start, end


def _begins_sentence(text: str, start: int) -> bool:
    """Return whether a sentence begins at this position."""
    before = text[max(0, start - 4) : start].rstrip()
    return start == 0 or (before == "" and start < 5) or before[-1:] in _SENTENCE_END or before[-1:] == ":"


def _is_unpaired_opening(text: str, start: int, end: int) -> bool:
    """Return whether a range begins with a bracket or quotation mark whose partner is not in it."""
    first = text[start]
    if first in _PAIRS:
        return text.find(_PAIRS[first], start + 1, end) < 0
    return first in _CLOSING


def _is_unpaired_closing(text: str, start: int, end: int) -> bool:
    """Return whether a range ends with a bracket or quotation mark whose partner is not in it."""
    last = text[end - 1]
    if last in _CLOSING:
        return not any(text.find(opening, start, end - 1) >= 0 for opening, closing in _PAIRS.items() if closing == last)
    return last in _PAIRS


def _trim_link(text: str, span: Range) -> Range | None:
    """Return a link's range. If its text contains its address, only that part."""
    for name in _spellings_of(str(span.value)):
        if (found := text.find(name, span.start, span.end)) >= 0:
            return Range(found, found + len(name), span.value)
    start, end = _trim(text, span.start, span.end)
    return Range(start, end, span.value) if any(map(str.isalnum, text[start:end])) else None


def _spellings_of(link: str) -> list[str]:
    """Return the ways in which a text may spell an address, longest first."""
    bare = re.sub(r"^(?:https?://|mailto:)", "", link)
    return [link, link.removesuffix("/"), bare, bare.removesuffix("/")] if "." in bare else []


def is_own_address(text: str, link: str) -> bool:
    """Return whether a text is its own address, so that Markdown readers make it a link by themselves."""
    return text in _spellings_of(link) and _NAMED.fullmatch(text) is not None


def _compose_spans(
    bold: Sequence[Range],
    italic: Sequence[Range],
    links: Sequence[Range],
    struck: Sequence[Range],
    code: Sequence[Range],
    notes: Sequence[Range],
) -> list[Span]:
    """Return the spans that these ranges of emphasis, links, struck-out text, code and marks of notes make together."""
    kinds = (bold, italic, links, struck, code, notes)
    places = sorted({place for found in kinds for one in found for place in one[:2]})
    look_up = [_Ranges(found) for found in kinds]
    spans = []
    for start, end in pairwise(places):
        is_bold, is_italic, link, is_struck, is_code, note = (known.at(start) for known in look_up)
        if is_bold or is_italic or link or is_struck or is_code or note:
            address, name = str(link) if link else None, str(note) if note else None
            looks = {"bold": bool(is_bold), "italic": bool(is_italic), "struck": bool(is_struck), "code": bool(is_code)}
            spans.append(Span(start=start, end=end, link=address, note=name, **looks))
    return spans


class _Ranges:
    """Ordered ranges that are looked up by position."""

    def __init__(self, found: Sequence[Range]) -> None:
        self._found = found
        self._starts = [one.start for one in found]

    def at(self, place: int) -> str | bool:
        """Return the value of the range at a position. False if there is none."""
        number = bisect_right(self._starts, place) - 1
        return self._found[number].value if number >= 0 and place < self._found[number].end else False


def find_addresses(text: str) -> list[Range]:
    """Return the ranges of addresses that a text spells out, each with its address."""
    if "://" not in text and "www." not in text and "@" not in text:
        return []
    found = []
    for match in _NAMED.finditer(text):
        start, end = match.span()
        while end > start and (text[end - 1] in _AFTER + "'" or _is_unpaired_closing(text, start, end)):
            end -= 1
        name = text[start:end]
        scheme = "" if "://" in name else "mailto:" if "@" in name else "http://"
        if link := safe_link_of(scheme + name):
            found.append(Range(start, end, link))
    return found


def safe_link_of(address: str) -> str | None:
    """Return an address that a reader may be led to, in plain ASCII: http, https, mailto or a page of the document.

    None otherwise.

    Addresses come from documents and cannot be trusted. Those with a name and password before the host are refused, because
    they look like other hosts than they lead to.
    """
    address = address.strip()
    if not address or len(address) > MAX_LINK_CHARACTERS or any(ord(character) < 0x20 for character in address):
        return None
    if address.startswith("#"):
        return address if _PAGE.fullmatch(address) else None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme == "mailto":
        return _quote(address) if _MAIL.match(parts.path) else None
    if scheme not in {"http", "https"} or "@" in parts.netloc or "\\" in address or port == 0:
        return None
    name = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.removesuffix(":")
    return _quote(address) if host and _HOST.fullmatch(name) else None


def _quote(address: str) -> str | None:
    """Return the address with forbidden characters as %XX. None if that makes it too long."""
    quoted = quote(address.encode("utf-8", "replace"), safe=_ALLOWED)
    return quoted if len(quoted) <= MAX_LINK_CHARACTERS else None
