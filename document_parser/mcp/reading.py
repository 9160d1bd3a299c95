"""Read, search and cite a document that was read, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, takewhile

from mcp.types import CallToolResult

from document_parser.client import Citation, Client
from document_parser.errors import InvalidOption, PlaceNotFound, QuoteNotFound
from document_parser.mcp.answers import CiteAnswer, CitedPlace, Hit, NextCall, Passage, ReadAnswer, SearchAnswer
from document_parser.mcp.document_text import DocumentText, Part, Section, TextRange
from document_parser.mcp.fit import answer, clip, fill
from document_parser.mcp.folding import fold
from document_parser.mcp.library import Library, in_thread
from document_parser.mcp.receiving import MAX_HEADING, heading_of, next_lines
from document_parser.models import PageBox

MAX_UNDER = 6
"""How many headings above a passage are shown, the innermost ones."""
MAX_HEADER = 1500
"""Characters of the header rows of a table that are repeated."""
SNIPPET_BEFORE, SNIPPET_AFTER = 100, 200
"""Characters that a hit shows before and behind its beginning."""
MAX_SNIPPET = SNIPPET_BEFORE + SNIPPET_AFTER + 4
"""Characters of a snippet with its ellipses."""
MAX_PLACES = 5
"""Places of a quotation in one answer."""
MAX_BOXES = 40
"""Boxes of a place; the further ones are left out."""
MAX_QUOTE_SHOWN = 300
"""Characters of a quotation that an answer repeats."""


def read(
    document: str, text: DocumentText, *, page: int | None, block: int | None, heading: str | None, start: int | None
) -> CallToolResult:
    """Return what ``read`` answers: the document, or the page, block or section that is named, from ``start`` on.

    Raises PlaceNotFound, InvalidOption.
    """
    whole, also = _scope(text, page, block, heading)
    given: dict[str, str | int] = {"document": document}
    given |= {name: value for name, value in (("page", page), ("block", block), ("heading", heading)) if value is not None}
    begin = whole.start if start is None else start
    if not whole.start <= begin < max(whole.end, whole.start + 1):
        raise PlaceNotFound(f"Character {begin} is not within what is asked for: {whole.start} to {whole.end}.")
    first = text.part_at(begin) if text.parts else None
    base = ReadAnswer(
        document=document,
        start=begin,
        end=begin,
        under=[clip(one, MAX_HEADING) for one in first.headings[-MAX_UNDER:]] if first else [],
        table_header=clip(_header_at(first, begin), MAX_HEADER) if first else "",
        passages=[],
        complete=True,
        also_at=[heading_of(section) for section in also[:MAX_UNDER]],
    )

    def build(kept: list[Passage], following: Passage | None) -> CallToolResult:
        end = kept[-1].start + len(kept[-1].text) if kept else begin
        calls = _calls_behind(text, given, whole, end, following)
        found = base.model_copy(update={"passages": kept, "end": end, "complete": following is None, "next": calls})
        return answer(found, _text_of(found))

    return fill(_passages(text, TextRange(begin, whole.end)), build, _split)


def _scope(text: DocumentText, page: int | None, block: int | None, heading: str | None) -> tuple[TextRange, list[Section]]:
    """Return the range that is asked for, and other sections with the same heading. Raises PlaceNotFound, InvalidOption."""
    if heading is not None and page is not None:
        raise InvalidOption.for_fields({"field": "heading", "problem": "give a heading or a page"})
    if block is not None and page is None:
        raise InvalidOption.for_fields({"field": "block", "problem": "needs the page that the block is on"})
    if heading is not None:
        section, *also = text.find_sections(heading)
        return section.range, also
    if page is None:
        return TextRange(0, text.length), []
    return (text.page(page) if block is None else text.block(page, block)), []


def _header_at(part: Part, start: int) -> str:
    """Return the header rows of the table that an answer begins within; empty if it begins with a table or elsewhere."""
    if part.table_header or part.kind != "table" or start == part.start:
        return part.table_header
    return "\n".join(part.text.splitlines()[:2]) if part.text.startswith("|") else ""


def _passages(text: DocumentText, wanted: TextRange) -> Iterator[Passage]:
    for part in text.parts_in(wanted):
        begin, end = max(part.start, wanted.start), min(part.end, wanted.end)
        yield Passage(
            start=begin,
            page=part.page,
            block=part.blocks[0][1] if part.blocks else None,
            kind=part.kind,
            text=part.text[begin - part.start : end - part.start],
        )


def _split(passage: Passage, length: int) -> tuple[Passage, Passage]:
    head, tail = passage.text[:length], passage.text[length:]
    return passage.model_copy(update={"text": head}), passage.model_copy(update={"text": tail, "start": passage.start + length})


def _calls_behind(
    text: DocumentText, given: dict[str, str | int], whole: TextRange, end: int, following: Passage | None
) -> list[NextCall]:
    """Return the call that goes on: with the rest of what was asked for, else with what is behind it in the document."""
    if following is not None:
        left = whole.end - end
        # A long heading is not repeated: its section is read on from here to the end of the answer.
        scope = given if len(str(given.get("heading", ""))) <= MAX_HEADING else {"document": given["document"]}
        return [NextCall(tool="read", arguments={**scope, "start": end}, why=f"reads on; {left} characters are left")]
    if end >= text.length:
        return []
    behind = text.part_at(end)
    if "page" in given and "block" not in given:
        page = min((one for part in text.parts_in(TextRange(end, text.length)) for one in part.pages[:1]), default=behind.page)
        arguments: dict[str, str | int] = {"document": given["document"], "page": max(page, int(given["page"]) + 1)}
        return [NextCall(tool="read", arguments=arguments, why="reads the next page")]
    return [NextCall(tool="read", arguments={"document": given["document"], "start": end}, why="reads what follows")]


def _text_of(found: ReadAnswer) -> str:
    """Return the passages as Markdown, with a line for each page that begins."""
    lines = [f"[Below: {' > '.join(found.under)}]"] if found.under else []
    lines += [f"[The table begins earlier. Its header:]\n{found.table_header}"] if found.table_header else []
    body, page = "", 0
    for passage in found.passages:
        if passage.page != page:
            page = passage.page
            body += f"{'' if not body or body.endswith(chr(10)) else chr(10)}[Page {page}]\n"
        body += passage.text
    if not found.passages:
        body = "[There is no text here.]"
    if found.also_at:
        lines.append("[The same heading is also at " + ", ".join(f"start {one.start}" for one in found.also_at) + "]")
    return "\n".join([*lines, body.rstrip("\n"), *next_lines(found.next)])


def search(document: str, text: DocumentText, query: str, start: int) -> CallToolResult:
    """Return what ``search`` answers: the places with the query as it is, else the blocks with all of its words.

    Raises InvalidOption if the query has no word.
    """
    phrase = fold(query)
    if not phrase:
        raise InvalidOption.for_fields({"field": "query", "problem": "has no word to search for"})
    count, hits = text.count(phrase), _phrase_hits(text, phrase, start)
    matched = "phrase"
    if not count:
        parts = text.parts_with(phrase.split())
        matched = "all words" if parts else "nothing"
        count, hits = len(parts), _part_hits(parts, phrase.split(), start)
    base = SearchAnswer(document=document, query=clip(query, MAX_QUOTE_SHOWN), matched=matched, hits_in_all=count, hits=[])

    def build(kept: list[Hit], following: Hit | None) -> CallToolResult:
        calls = []
        if following is not None:
            arguments: dict[str, str | int] = {"document": document, "query": query, "start": following.start}
            calls = [NextCall(tool="search", arguments=arguments, why="goes on with the hits")]
        if kept:
            arguments = {"document": document, "start": kept[0].start}
            calls.append(NextCall(tool="read", arguments=arguments, why="reads from the first of these hits on"))
        found = base.model_copy(update={"hits": kept, "next": calls})
        return answer(found, _hits_text(found))

    return fill(hits, build)


def _phrase_hits(text: DocumentText, phrase: str, start: int) -> Iterator[Hit]:
    for found in text.find(phrase, start):
        yield _hit_at(text.part_at(found.start), found.start)


def _part_hits(parts: Iterable[Part], words: list[str], start: int) -> Iterator[Hit]:
    for part in parts:
        if part.start >= start:
            at = part.text.casefold().find(words[0])
            yield _hit_at(part, part.start, max(0, at))


def _hit_at(part: Part, start: int, shown: int | None = None) -> Hit:
    """Return a hit in a part, with what is around the character ``shown`` of the part, or else ``start``."""
    at = start - part.start if shown is None else shown
    begin, end = max(0, at - SNIPPET_BEFORE), min(len(part.text), at + SNIPPET_AFTER)
    snippet = " ".join(part.text[begin:end].split())
    return Hit(
        start=start,
        page=part.page,
        block=part.blocks[0][1] if part.blocks else None,
        heading=clip(" > ".join(part.headings[-MAX_UNDER:]), MAX_HEADING),
        snippet=clip(f"{'… ' if begin else ''}{snippet}{' …' if end < len(part.text) else ''}", MAX_SNIPPET),
        box=part.box,
    )


def _hits_text(found: SearchAnswer) -> str:
    if found.matched == "nothing":
        return "Nothing was found. Search for fewer or other words, as the document writes them."
    how = "" if found.matched == "phrase" else " Nothing has the words one behind another; these blocks have all of them."
    lines = [f"{found.hits_in_all} hits.{how}"]
    for hit in found.hits:
        heading = f", below {hit.heading}" if hit.heading else ""
        lines.append(f"- page {hit.page}, start {hit.start}{heading}: {hit.snippet}")
    return "\n".join([*lines, *next_lines(found.next)])


async def cite(
    library: Library, client: Client, document: str, text: DocumentText, quote: str, page: int | None, start: int
) -> CallToolResult:
    """Return what ``cite`` answers: the places of a quotation, with boxes and pictures.

    Raises QuoteNotFound, InvalidOption if it has no word, PlaceNotFound if there is no such page.
    """
    phrase = fold(quote)
    if not phrase:
        raise InvalidOption.for_fields({"field": "quote", "problem": "has no word to look for"})
    within = text.page(page) if page is not None else TextRange(0, text.length)
    behind = takewhile(lambda one: one.start < within.end, text.find(phrase, max(start, within.start)))
    ranges = list(islice(behind, MAX_PLACES + 1))
    if not ranges:
        raise _not_found(text, phrase, page)
    places: list[CitedPlace] = []
    for found in ranges[:MAX_PLACES]:
        cited = await in_thread(partial(client.cite, document, found.start, found.end))
        places += _places_of(library.address, found, cited)
    further = ranges[MAX_PLACES].start if len(ranges) > MAX_PLACES else None
    base = CiteAnswer(document=document, quote=clip(quote, MAX_QUOTE_SHOWN), found_in_all=text.count(phrase), places=[])

    def build(kept: list[CitedPlace], following: CitedPlace | None) -> CallToolResult:
        goes_on = following.start if following is not None else further
        calls = []
        if goes_on is not None:
            why = "call cite again with the same quote and this start: goes on with further places"
            calls = [NextCall(tool="cite", arguments={"document": document, "start": goes_on}, why=why)]
        answered = base.model_copy(update={"places": kept, "next": calls})
        return answer(answered, _places_text(answered))

    return fill(places, build)


def _not_found(text: DocumentText, phrase: str, page: int | None) -> QuoteNotFound:
    words = phrase.split()
    count = text.longest_beginning(words)
    where = f"Page {page} of the document" if page is not None else "The document"
    if count == len(words):
        return QuoteNotFound(f"{where} does not have this text from there on, but the document has it elsewhere.")
    if count < min(3, len(words)):
        return QuoteNotFound()
    beginning = clip(" ".join(words[:count]), MAX_QUOTE_SHOWN)
    return QuoteNotFound(
        f"{where} does not have this text. It has its beginning: “{beginning}”. Cite what is there word by word."
    )


def _places_of(address: Callable[[str | None], str | None], found: TextRange, cited: Citation) -> list[CitedPlace]:
    """Return a place for each page of a range."""
    return [
        CitedPlace(
            page=page.page,
            start=found.start,
            end=found.end,
            text=clip(cited.text, MAX_QUOTE_SHOWN),
            boxes=[PageBox(page=page.page, **box.model_dump()) for box in islice(page.boxes, MAX_BOXES)],
            image_url=address(page.image_url),
            marked_image_url=address(page.marked_image_url),
        )
        for page in cited.pages
    ]


def _places_text(found: CiteAnswer) -> str:
    lines = [f"Found {found.found_in_all} times."]
    for place in found.places:
        lines.append(f"- page {place.page}, characters {place.start} to {place.end}: {place.text}")
        for box in place.boxes:
            lines.append(
                f"  box: left {box.left}, top {box.top}, right {box.right}, bottom {box.bottom} (fractions of the page)"
            )
        if place.marked_image_url:
            lines.append(f"  picture of the page with the place marked: {place.marked_image_url}")
    return "\n".join([*lines, *next_lines(found.next)])
