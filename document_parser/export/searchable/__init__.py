"""Lay the words of a document as invisible text over its pages, in a PDF that can be searched and copied from."""

from document_parser.export.searchable.document import SearchableWriter, as_shown
from document_parser.export.searchable.words import PlacedRun, comparable, place_words

__all__ = ["PlacedRun", "SearchableWriter", "as_shown", "comparable", "place_words"]
