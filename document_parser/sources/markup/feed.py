"""Feeds (RSS, RDF, Atom) as articles with headings. Runs in the opener child."""

from __future__ import annotations

from lxml import etree

from document_parser.models import Block, Span
from document_parser.sources.markup.blocks import HtmlBlocks, blocks_of_html
from document_parser.sources.markup.tree import parse_html
from document_parser.sources.xml_trees import Element, local_name
from document_parser.text.spans import safe_link_of

_ROOTS = frozenset({"rss", "feed", "RDF"})
_ARTICLES = frozenset({"item", "entry"})
_TEXTS = ("encoded", "content", "description", "summary", "subtitle")
"""Elements with the text of an article, the whole one first."""
_FACTS = ("creator", "author", "pubDate", "published", "updated", "date", "category")
"""Elements that are shown in one line below the heading."""


def is_feed(root: Element) -> bool:
    """Return whether XML is a feed: a root of its name, with articles or a channel."""
    return local_name(root) in _ROOTS and any(local_name(child) in {"channel", "item", "entry", "title"} for child in root)


def blocks_of_feed(root: Element) -> HtmlBlocks:
    """Return the title of the feed, then each article: its title, its facts, its text."""
    channel = next((child for child in root if local_name(child) == "channel"), root)
    title = _text_of(channel, "title")
    found = HtmlBlocks([], [], [], title)
    _add_head(found, channel, 1)
    _add_texts(found, channel)
    for article in root.iter():
        if local_name(article) in _ARTICLES:
            _add_head(found, article, 2)
            facts = [
                value
                for name in _FACTS
                for child in article
                if local_name(child) == name
                for value in [_value_of(child)]
                if value
            ]
            if facts:
                found.blocks.append(Block(kind="paragraph", text=" · ".join(facts)))
            _add_texts(found, article)
            _add_enclosures(found, article)
    return found


def _add_head(found: HtmlBlocks, element: Element, level: int) -> None:
    """Add the title, with the link of the article."""
    text = _text_of(element, "title")
    address = next(
        (
            child.get("href") or child.text or ""
            for child in element
            if local_name(child) == "link" and child.get("rel") in {None, "alternate"}
        ),
        "",
    )
    link = safe_link_of(address)
    if text:
        spans = [Span(start=0, end=len(text), link=link)] if link else []
        found.blocks.append(Block(kind="heading", level=level, text=text, spans=spans))


def _add_texts(found: HtmlBlocks, element: Element) -> None:
    """Add the texts of an article; a summary whose words the whole text begins with is in it already."""
    shown = ""
    for name in _TEXTS:
        for child in element:
            if local_name(child) != name:
                continue
            piece = blocks_of_html(parse_html(_markup_of(child)))
            words = " ".join(" ".join(block.text.split()) for block in piece.blocks)
            if words and words.rstrip(". …[]") not in shown:
                found.blocks.extend(piece.blocks)
                found.warnings.extend(piece.warnings)
                found.images.extend(piece.images)
                shown += f" {words}"


def _add_enclosures(found: HtmlBlocks, article: Element) -> None:
    """Add the addresses of files that belong to an article."""
    for child in article:
        address = child.get("url") if local_name(child) == "enclosure" else None
        link = safe_link_of(address or "")
        if address and link:
            found.blocks.append(Block(kind="paragraph", text=address, spans=[Span(start=0, end=len(address), link=link)]))


def _markup_of(element: Element) -> str:
    """Return the HTML in an element: as its text, or as elements of XHTML."""
    if not len(element):
        text = element.text or ""
        return text.replace("&", "&amp;").replace("<", "&lt;") if element.get("type") == "text" else text
    return str(etree.tostring(element, encoding="unicode", with_tail=False, method="html"))


def _text_of(element: Element, name: str) -> str:
    """Return the text of an element directly inside, without its HTML."""
    found = next((child for child in element if local_name(child) == name), None)
    return " ".join(parse_html(_markup_of(found)).root.text().split()) if found is not None else ""


def _value_of(element: Element) -> str:
    """Return a fact: its text, or the name of a person or subject."""
    text = " ".join("".join(element.itertext()).split())
    return text or element.get("term", "")
