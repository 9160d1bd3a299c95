"""The content of a paragraph of Word: runs, links, fields, notes, tracked changes, and whatever wraps them.

Every element that is not known is descended into: smart tags, custom XML, content controls, overridden directions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from document_parser.models import Block
from document_parser.sources.office.omml import MATH, inline_formula, latex_of_math
from document_parser.sources.office.package import RELATIONSHIPS
from document_parser.sources.office.symbols import symbol_of, symbol_table, without_private_codes
from document_parser.sources.office.word_context import NoteKind, WordContext
from document_parser.sources.office.word_drawings import COMPATIBILITY, DrawingReader
from document_parser.sources.office.word_fields import OpenField, begin_field, link_of_instruction
from document_parser.sources.office.word_lines import Line, Piece
from document_parser.sources.office.word_styles import PLAIN, VALUE, WORD, Look, Shift, look_of
from document_parser.sources.xml_trees import Element, local_name
from document_parser.text.spans import Style, safe_link_of

_XML_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
_WORD_2010 = "{http://schemas.microsoft.com/office/word/2010/wordml}"
_RUN, _RUN_PROPERTIES, _TEXT = f"{WORD}r", f"{WORD}rPr", f"{WORD}t"
_CHECKED = frozenset({"1", "true", "on"})


@lru_cache(maxsize=4096)
def _style(bold: bool, italic: bool, struck: bool, link: str | None, code: bool, note: str | None) -> Style:
    """Return a style; documents use few."""
    return Style(bold, italic, link, struck, code, note)


class InlineReader:
    """Reads the content of the paragraphs of one part, with the fields that are open from one paragraph to the next.

    ``read_blocks`` reads the content of a text box or a comment.
    """

    def __init__(self, context: WordContext, part: str, read_blocks: Callable[[Element], list[Block]]) -> None:
        self._context = context
        self._part = part
        self._drawings = DrawingReader(context, part, read_blocks)
        self._read_blocks = read_blocks
        self.fields: list[OpenField] = []
        self.follows_fields = True
        """Whether the instructions of fields are told from text. Not in a document with a field that never ends."""
        self.note_mark = ""
        """The mark of the note that is being read."""
        self.note_name: str | None = None
        """The name of the note that is being read."""
        self.deleted = 0
        """How many elements of tracked deletions are open."""
        self.page_breaks = 0
        """Page breaks passed so far, as the program that saved the file placed them."""
        self._hidden = False
        self._link: str | None = None
        self._line = Line()
        self._characters = 0
        self._readings: list[str] = []
        self._handlers = self._make_handlers()
        self._run_handlers = self._make_run_handlers()

    def read(self, paragraph: Element, line: Line, *, hidden: bool) -> None:
        """Add the content of a paragraph to a line. ``hidden`` says that its style hides its text."""
        before = self._line, self._hidden, self._link
        self._line, self._hidden = line, hidden
        self._children(paragraph)
        self._end_ruby()
        self._line, self._hidden, self._link = before

    def _make_handlers(self) -> dict[str, Callable[[Element], None] | None]:
        """Return what reads the children of a paragraph; None for those that hold no text."""
        silent = (
            "pPr", "rPr", "bookmarkStart", "bookmarkEnd", "proofErr", "commentRangeStart", "commentRangeEnd", "permStart",
            "permEnd", "sdtPr", "sdtEndPr", "smartTagPr", "customXmlPr", "fldData", "moveFromRangeStart", "moveFromRangeEnd",
            "moveToRangeStart", "moveToRangeEnd", "customXmlDelRangeStart", "customXmlDelRangeEnd",
        )  # fmt: skip
        return {
            **{f"{WORD}{name}": None for name in silent},
            _RUN: self._run,
            f"{WORD}hyperlink": self._hyperlink,
            f"{WORD}fldSimple": self._simple_field,
            f"{WORD}del": self._deletion,
            f"{WORD}moveFrom": self._deletion,
            f"{WORD}sdt": self._content_control,
            f"{WORD}subDoc": self._subdocument,
            f"{MATH}oMath": self._formula,
            f"{MATH}oMathPara": self._formula,
            f"{COMPATIBILITY}AlternateContent": self._choose,
        }

    def _make_run_handlers(self) -> dict[str, Callable[[Element, Look], None] | None]:
        """Return what reads the children of a run; None for those that hold no text."""
        silent = ("rPr", "annotationRef", "separator", "continuationSeparator", "softHyphen", "fldData", "dayShort")
        signs = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
        return {
            **{f"{WORD}{name}": None for name in silent},
            **{f"{WORD}{name}": self._sign(sign) for name, sign in signs.items()},
            _TEXT: self._text,
            f"{WORD}delText": self._text,
            f"{WORD}instrText": self._instruction,
            f"{WORD}delInstrText": self._instruction,
            f"{WORD}fldChar": self._field_sign,
            f"{WORD}sym": self._symbol,
            f"{WORD}footnoteReference": self._note("footnote"),
            f"{WORD}endnoteReference": self._note("endnote"),
            f"{WORD}footnoteRef": self._own_mark,
            f"{WORD}endnoteRef": self._own_mark,
            f"{WORD}commentReference": self._comment,
            f"{WORD}lastRenderedPageBreak": self._page_break,
            f"{WORD}drawing": self._drawing,
            f"{WORD}pict": self._drawing,
            f"{WORD}object": self._drawing,
            f"{WORD}ruby": self._ruby,
            f"{COMPATIBILITY}AlternateContent": self._versions,
            f"{MATH}oMath": self._formula_in_run,
        }

    # --- around runs

    def _children(self, element: Element) -> None:
        """Read the children of a paragraph, or of what wraps parts of it."""
        handlers = self._handlers
        for child in element:
            tag = child.tag
            if tag == _RUN:
                self._run(child)
                continue
            handler = handlers.get(tag, self._children)
            if handler is not None:
                handler(child)

    def _hyperlink(self, element: Element) -> None:
        """Read the text of a link; a place in the document is no link."""
        found = self._context.package.relationships(self._part).get(element.get(f"{RELATIONSHIPS}id", ""))
        anchor = element.get(f"{WORD}anchor")
        address = found.target + (f"#{anchor}" if anchor else "") if found is not None and found.external else ""
        self._linked(element, safe_link_of(address))

    def _simple_field(self, element: Element) -> None:
        """Read the stored result of a field."""
        self._linked(element, link_of_instruction(element.get(f"{WORD}instr", "")))

    def _linked(self, element: Element, link: str | None) -> None:
        """Read the children of an element as text of a link."""
        before, self._link = self._link, link or self._link
        self._children(element)
        self._link = before

    def _deletion(self, element: Element) -> None:
        """Read text whose deletion, or move to another place, is tracked."""
        self.deleted += 1
        self._children(element)
        self.deleted -= 1

    def _content_control(self, element: Element) -> None:
        """Read what a content control shows; a check box by its state, since any sign may stand for it."""
        box = element.find(f"{WORD}sdtPr/{_WORD_2010}checkbox")
        if box is None:
            self._children(element)
            return
        state = box.find(f"{_WORD_2010}checked")
        checked = state is not None and state.get(f"{_WORD_2010}val", "1") in _CHECKED
        self.show("☒" if checked else "☐", PLAIN)

    def _subdocument(self, element: Element) -> None:
        """Warn of a document that is kept in a file of its own."""
        found = self._context.package.relationships(self._part).get(element.get(f"{RELATIONSHIPS}id", ""))
        self._context.warn(
            f"A part of the document is in a file of its own ({found.target if found else 'unknown'}), which was not read."
        )

    def _formula(self, element: Element) -> None:
        """Read a formula."""
        latex = latex_of_math(element)
        if len(latex) == 1 and not latex.isalpha():
            self.show(latex, PLAIN)
        elif latex:
            self._line.formulas += not (self.deleted or self._is_silent())
            self.show(inline_formula(latex), PLAIN)

    def _choose(self, element: Element) -> None:
        """Read the first version of content, and the fallback only if that shows nothing."""
        for version in sorted(element, key=lambda one: local_name(one) == "Fallback"):
            before = self._characters, len(self._line.before), len(self._line.after)
            self._children(version)
            if (self._characters, len(self._line.before), len(self._line.after)) != before:
                return

    # --- runs

    def _run(self, run: Element) -> None:
        """Read a run."""
        if self._readings and run.find(f"{WORD}ruby") is None:
            self._end_ruby()
        self._run_content(run, self._look(run))

    def _run_content(self, run: Element, look: Look) -> None:
        """Read the children of a run, or of one version of its content."""
        handlers = self._run_handlers
        for child in run:
            tag = child.tag
            if tag == _RUN_PROPERTIES:
                continue
            if tag == _TEXT:
                self._text(child, look)
                continue
            if tag in handlers:
                handler = handlers[tag]
                if handler is not None:
                    handler(child, look)
            else:
                self._children(child)

    def _look(self, run: Element) -> Look:
        """Return how a run is shown: its own properties over those of its character style."""
        properties = run.find(_RUN_PROPERTIES)
        if properties is None or not len(properties):
            return PLAIN
        style = properties.find(f"{WORD}rStyle")
        return look_of(properties, self._context.styles.character(style.get(VALUE, "")) if style is not None else PLAIN)

    def _text(self, element: Element, look: Look) -> None:
        """Read a text; white space at its ends counts only if the file says so."""
        text = element.text
        if not text:
            return
        if element.get(_XML_SPACE) != "preserve":
            text = text.strip(" \t\r\n")
        if "\n" in text or "\r" in text:
            text = " ".join(text.replace("\r", "\n").split("\n"))
        table = symbol_table(look.font)
        self.show(text.translate(table) if table is not None else without_private_codes(text), look)

    def show(self, text: str, look: Look, shift: Shift = "", note: str | None = None) -> None:
        """Add text to the paragraph, or to what is deleted or hidden of it. Instructions of fields are no text.

        ``note`` is the name of the note that the text is the mark of.
        """
        if not text or self._is_silent():
            return
        self._characters += len(text)
        if self.deleted:
            self._line.deleted.append(text)
        elif look.hidden or self._hidden:
            self._line.hidden.append(text)
        else:
            if not self._line.pieces:
                self._line.page = self.page_breaks
            link = self._link or next((found.link for found in reversed(self.fields) if found.link), None)
            style = _style(look.bold, look.italic, look.struck, link, look.code, note)
            self._line.pieces.append(Piece(text, style, shift or look.shift))

    def _is_silent(self) -> bool:
        """Return whether what is read now is the instruction of a field, or the result of one that is shown otherwise."""
        return bool(self.fields) and any(not found.in_result or found.covers_result for found in self.fields)

    def _sign(self, sign: str) -> Callable[[Element, Look], None]:
        """Return what reads an element that stands for one sign."""
        return lambda _, look: self.show(sign, look)

    def _symbol(self, element: Element, look: Look) -> None:
        """Read a character of a symbol font."""
        try:
            code = int(element.get(f"{WORD}char", ""), 16)
        except ValueError:
            return
        self.show(symbol_of(code, element.get(f"{WORD}font")), look)

    def _page_break(self, element: Element, look: Look) -> None:
        """Count a page break."""
        del element, look
        self.page_breaks += 1

    def _versions(self, element: Element, look: Look) -> None:
        """Read the first version of a run's content, and the fallback only if that shows nothing."""
        for version in sorted(element, key=lambda one: local_name(one) == "Fallback"):
            before = self._characters, len(self._line.before), len(self._line.after)
            self._run_content(version, look)
            if (self._characters, len(self._line.before), len(self._line.after)) != before:
                return

    def _drawing(self, element: Element, look: Look) -> None:
        """Read a drawing: its blocks come after the paragraph."""
        blocks = self._drawings.read(element)
        layer = "revisions" if self.deleted else "hidden" if look.hidden or self._hidden else None
        blocks = [block.model_copy(update={"layer": layer}) for block in blocks] if layer else blocks
        if not self._line.pieces and not self._line.after and all(block.kind == "figure" for block in blocks):
            self._line.before += blocks
        else:
            self._line.after += blocks

    def _formula_in_run(self, element: Element, look: Look) -> None:
        """Read a formula."""
        del look
        self._formula(element)

    def _ruby(self, element: Element, look: Look) -> None:
        """Read a word with its reading, which comes in brackets after the words that have one."""
        del look
        base, reading = element.find(f"{WORD}rubyBase"), element.find(f"{WORD}rt")
        if base is not None:
            kept, self._readings = self._readings, []
            self._children(base)
            self._readings = kept
        if reading is not None:
            self._readings.append("".join(text.text or "" for text in reading.iter(_TEXT)))

    def _end_ruby(self) -> None:
        """Show the readings of the words just read."""
        readings, self._readings = "".join(self._readings), []
        if readings.strip():
            self.show(f"({readings})", PLAIN)

    # --- notes and comments

    def _note(self, kind: NoteKind) -> Callable[[Element, Look], None]:
        """Return what reads a reference to a note."""

        def refer(element: Element, look: Look) -> None:
            if self.deleted or look.hidden or self._is_silent():
                return
            own = element.get(f"{WORD}customMarkFollows") in _CHECKED
            reference = self._context.refer_to_note(kind, element.get(f"{WORD}id", ""), has_own_mark=own)
            self.show(reference.mark, look._replace(bold=False, italic=False), "super", reference.name)

        return refer

    def _own_mark(self, element: Element, look: Look) -> None:
        """Read the mark at the beginning of a note."""
        del element
        self.show(self.note_mark, look._replace(bold=False, italic=False), note=self.note_name)

    def _comment(self, element: Element, look: Look) -> None:
        """Add a comment after the paragraph."""
        del look
        comment = self._context.take_comment(element.get(f"{WORD}id", ""))
        if comment is not None:
            self._line.after += comment_blocks(comment, self._read_blocks(comment))

    # --- fields

    def _instruction(self, element: Element, look: Look) -> None:
        """Read a part of the instruction of a field."""
        del look
        if self.fields and not self.fields[-1].in_result:
            self.fields[-1].instruction.append(element.text or "")

    def _field_sign(self, element: Element, look: Look) -> None:
        """Read the beginning of a field, of its result, or its end."""
        if not self.follows_fields:
            return
        match element.get(f"{WORD}fldCharType"):
            case "begin":
                self.fields.append(begin_field(element))
            case "separate" if self.fields:
                self.fields[-1].begin_result(self._characters)
            case "end" if self.fields:
                ended = self.fields.pop()
                if ended.covers_result or not ended.in_result or self._characters == ended.characters:
                    self.show(ended.text_without_result(), look)


def comment_blocks(comment: Element, content: list[Block]) -> list[Block]:
    """Return a comment with its author as one block; none if it is empty."""
    text = "\n".join(block.text for block in content if block.text)
    shown = ": ".join(filter(None, (comment.get(f"{WORD}author", ""), text)))
    return [Block(kind="paragraph", layer="comments", text=shown)] if shown else []
