"""What the readers of the parts of one Word document share: styles, lists, notes, comments, and warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Literal, NamedTuple

from document_parser.errors import DocumentError
from document_parser.models import PageWarning
from document_parser.sources.office.package import OfficePackage, as_transitional
from document_parser.sources.office.word_numbering import Numbering
from document_parser.sources.office.word_style_parts import StyleTree, split_styles
from document_parser.sources.office.word_styles import VALUE, WORD, Styles, StyleSource, is_on
from document_parser.sources.xml_trees import Element, integer_of, parse_xml
from document_parser.text.word_numerals import numeral

NoteKind = Literal["footnote", "endnote"]
_NUMERALS: dict[NoteKind, str] = {"footnote": "decimal", "endnote": "lowerRoman"}
"""How notes are numbered unless the document says otherwise."""


class Reference(NamedTuple):
    """A note that the text refers to, and its mark; empty if the author wrote the mark."""

    kind: NoteKind
    identifier: str
    mark: str
    scope: str = ""
    """What the names of the notes of a document within the document begin with."""

    @property
    def name(self) -> str:
        """Return the name of the note, which no other note of the document has."""
        return f"{self.scope}{self.kind}-{self.identifier}"


class WordContext:
    """The shared parts of a document. A part that is damaged or not there is as if it were empty, with a warning if damaged."""

    def __init__(self, package: OfficePackage, main: Element, scope: str = "") -> None:
        """Take the root of the main part, and what the names of notes begin with."""
        self.package = package
        self.main = main
        self._scope = scope
        self._warnings: dict[str, None] = {}
        self._objects: Counter[str] = Counter()
        self.old_formulas = 0
        """Formulas of the editor of old versions, whose data is read by no one else."""
        self.styles = Styles(self._style_source())
        self.numbering = Numbering(self.root("numbering"), self.styles.number_of)
        self.settings = self.root("settings")
        self.references: list[Reference] = []
        self._note_counts: Counter[NoteKind] = Counter()
        self.counts_pages = self._says_pages()
        """Whether the file says on which page its blocks begin."""
        self._comments: dict[str, Element] | None = None
        self._taken_comments: set[str] = set()

    def root(self, kind: str) -> Element | None:
        """Return the root of the part that the main part is related to by this kind; None if it cannot be had."""
        data = self._data(kind)
        try:
            return None if data is None else parse_xml(data)
        except DocumentError:
            self._warn_of_damage(kind)
            return None

    def _style_source(self) -> StyleSource:
        """Return where the styles of the document are."""
        data = self._data("styles")
        pieces = None if data is None else split_styles(data, lambda: self._warn_of_damage("styles"))
        return pieces or StyleTree(self.root("styles"))

    def _data(self, kind: str) -> bytes | None:
        """Return the XML of the part that the main part is related to by this kind; None if it cannot be had."""
        part = self.package.related(self.package.main, kind)
        try:
            return None if part is None else as_transitional(self.package.read(part))
        except (DocumentError, KeyError):
            self._warn_of_damage(kind)
            return None

    def _warn_of_damage(self, kind: str) -> None:
        """Warn of a part that is damaged."""
        self.warn(f"The {kind} of the document cannot be read: their data is damaged.")

    def setting(self, name: str) -> bool:
        """Return whether a setting of the document is on."""
        return self.settings is not None and is_on(self.settings.find(f"{WORD}{name}"))

    def refer_to_note(self, kind: NoteKind, identifier: str, *, has_own_mark: bool) -> Reference:
        """Return the reference to the next note that the text refers to."""
        mark = ""
        if not has_own_mark:
            self._note_counts[kind] += 1
            mark = numeral(self._note_counts[kind] + self._first_note(kind) - 1, self._note_numerals(kind))
        reference = Reference(kind, identifier, mark, self._scope)
        self.references.append(reference)
        return reference

    def forget_counts(self) -> None:
        """Begin all lists and notes anew, because the document is read once more."""
        self.numbering.forget_counts()
        self.references.clear()
        self._taken_comments.clear()
        self._note_counts.clear()

    def take_comment(self, identifier: str) -> Element | None:
        """Return a comment that stands at a place of the text; None if the document does not have it."""
        self._taken_comments.add(identifier)
        return self._all_comments().get(identifier)

    def other_comments(self) -> list[Element]:
        """Return the comments that stand at no place of the text, such as replies that only their thread names."""
        return [one for identifier, one in self._all_comments().items() if identifier not in self._taken_comments]

    def _all_comments(self) -> dict[str, Element]:
        """Return the comments by their ids."""
        if self._comments is None:
            root = self.root("comments")
            self._comments = {one.get(f"{WORD}id"): one for one in root} if root is not None else {}
        return self._comments

    def warn(self, message: str) -> None:
        """Keep a warning that something was not read; each message once."""
        self._warnings[message] = None

    def warn_of_object(self, program: str) -> None:
        """Keep a warning that an object that is no part of the file was not read."""
        self._objects[program] += 1

    def warnings(self) -> Iterator[PageWarning]:
        """Yield the warnings of what was not read."""
        for message in self._warnings:
            yield PageWarning(code="not_read", message=message)
        if self.old_formulas:
            message = (
                f"{self.old_formulas} formulas were written with the equation editor of old versions: they are pictures only."
            )
            yield PageWarning(code="not_read", message=message)
        for program, count in self._objects.items():
            what = f"{count} objects" if count > 1 else "An object"
            message = f"{what} ({program}) that the document only links to: the picture shown was read."
            yield PageWarning(code="not_read", message=message)

    def _says_pages(self) -> bool:
        """Return whether the file has the breaks between all the pages that the program that saved it counted."""
        part = self.package.related("", "extended-properties") or self.package.related("", "extendedProperties")
        try:
            counted = self.package.xml(part).find("{*}Pages") if part else None
        except (DocumentError, KeyError):
            return False
        breaks = sum(1 for _ in self.main.iter(f"{WORD}lastRenderedPageBreak"))
        return bool(breaks) and counted is not None and counted.text == str(breaks + 1)

    def _first_note(self, kind: NoteKind) -> int:
        return integer_of(self._note_setting(kind, "numStart"), 1)

    def _note_numerals(self, kind: NoteKind) -> str:
        return self._note_setting(kind, "numFmt") or _NUMERALS[kind]

    def _note_setting(self, kind: NoteKind, name: str) -> str:
        """Return a setting of footnotes or endnotes; empty if the document does not have it."""
        properties = None if self.settings is None else self.settings.find(f"{WORD}{kind}Pr")
        found = None if properties is None else properties.find(f"{WORD}{name}")
        return "" if found is None else str(found.get(VALUE, ""))
