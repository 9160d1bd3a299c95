"""Rich text (RTF) as blocks. Runs in the opener child.

The decoder keeps the bytes of each font's encoding together, joins Unicode in pairs, and follows the groups of the file with
its own stack. Deleted text, hidden text, notes, comments, headers and footers are in their layers.
"""

from __future__ import annotations

import re
from dataclasses import replace

from document_parser.errors import DamagedDocument
from document_parser.models import Block, BlockKind, LayerName, PageWarning
from document_parser.sources.markup.rtf_blocks import BlockBuilder
from document_parser.sources.markup.rtf_characters import Flow
from document_parser.sources.markup.rtf_controls import CONTROLS
from document_parser.sources.markup.rtf_text import join_surrogates
from document_parser.sources.markup.rtf_tokens import tokens
from document_parser.sources.markup.rtf_words import (
    FOOTERS,
    FORMULA_LOOKS,
    FORMULA_PARTS,
    HEADERS,
    PIXELS,
    READ,
    SIGNS,
    SKIPPED,
    VECTORS,
)
from document_parser.sources.note_links import with_answered_marks
from document_parser.text.spans import Run, Style, safe_link_of

MAX_GROUPS = 10_000
"""Groups inside each other; programs write dozens."""
MAX_OBJECTS = 100_000
"""Embedded objects that are kept; more are more than any limit of members."""
_LINK = re.compile(r'HYPERLINK\s+(?:\\[a-z]\s+)*(?:"([^"]*)"|(\S+))', re.I)


class RtfReader(BlockBuilder):
    """Reads one file. The bodies of mails hold RTF too."""

    def read(self, data: bytes) -> list[Block]:
        """Return the blocks. Raises DamagedDocument for what is no RTF, or nests too deep."""
        start = data.find(b"{\\rtf")
        if start < 0:
            raise DamagedDocument("The file is no RTF. Save it again and send it.")
        body = self.flow
        for word, number, value in tokens(data, start):
            if word == "{":
                self._begin()
            elif word == "}":
                if not self.stack:
                    break
                self._end()
                if not self.stack:
                    break
            elif word == "bytes":
                self.add_bytes(value)
            elif word == "hex":
                self.add_hex(value)
            elif word == "bin":
                self.capture.append(value.hex()) if self.state.destination == "pict" else None
            else:
                self._control(word, number)
        while self.stack:
            self._end()
        self.end_paragraph()
        self.end_table()
        blocks = [*body.blocks, *body.later]
        return with_answered_marks(blocks) if self.marks["text"] else blocks

    def warnings(self) -> list[PageWarning]:
        """Return what a reader should know."""
        found = []
        if self.undecoded:
            names = ", ".join(sorted(self.undecoded))
            found.append(
                PageWarning(code="damaged_data", message=f"Some characters could not be decoded as {names} (shown as \ufffd).")
            )
        if self.unread_pictures:
            message = f"{self.unread_pictures} pictures are drawings (WMF, EMF) or of an old kind, which are not read."
            found.append(PageWarning(code="not_read", message=message))
        if self.has_hidden:
            found.append(
                PageWarning(code="hidden_content", message="Some text is hidden in the file. It is in the layer hidden.")
            )
        return found

    # --- groups -------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Begin a group."""
        self.decode()
        if len(self.stack) >= MAX_GROUPS:
            raise DamagedDocument("The groups of the file nest too deep. Save it again and send it.")
        self.stack.append(self.state)
        self.state = replace(self.state, at_end=None, ignorable=False)
        self.to_skip = 0

    def _end(self) -> None:
        """End a group: do what its destination asks for, then go on as before it."""
        self.decode()
        if self.state.at_end is not None:
            self.state.at_end()
        self.state = self.stack.pop()
        self.to_skip = 0

    def _control(self, word: str, number: int | None) -> None:
        """Follow a control word."""
        if word == "u":
            self.add_unicode(number or 0)
            return
        if self.to_skip and word not in {"uc"}:
            self.to_skip -= 1
            return
        self.decode()
        if word == "*":
            self.state.ignorable = True
            return
        if self._begin_destination(word):
            return
        ignorable, self.state.ignorable = self.state.ignorable, False
        if ignorable and word not in READ:
            self.state.destination = "skip"
        elif self.state.destination == "skip":
            return
        elif word in SIGNS:
            self.add(SIGNS[word])
        elif word in CONTROLS:
            CONTROLS[word](self, 1 if number is None else number, number is None)
        elif self.state.destination == "pict" and word in PIXELS | VECTORS:
            self.picture_kind = word

    def _begin_destination(self, word: str) -> bool:
        """Begin a destination. Return False if the word begins none."""
        state = self.state
        if state.destination == "skip" and (state.is_substitute or word not in {"shptxt", "dptxbxtext", "ud", "title"}):
            return word in SKIPPED
        if word in {"fonttbl", "stylesheet"}:
            state.destination, state.at_end = word, None
            self.capture = []
        elif word in HEADERS or word in FOOTERS:
            self._begin_flow("headers", "page_header" if word in HEADERS else "page_footer", once=True)
        elif word == "footnote":
            self._begin_flow("notes", "footnote")
        elif word == "annotation":
            self._begin_flow("comments", "paragraph")
            self.flow.runs += [Run(f"{self.author}: ")] if self.author else []
            self.author = ""
        elif word in {"shptxt", "dptxbxtext"}:
            self._begin_flow(self.flow.layer, "paragraph")
        elif word in {"listtext", "pntext"}:
            state.destination, state.at_end = "capture", self._end_label
            self.capture = []
        elif word in {"listtable", "listoverridetable"}:
            state.destination = "lists"
        elif word in {"list", "listlevel", "listoverride", "lfolevel"} and state.destination == "lists":
            self.lists.begin(word)
        elif word == "leveltext" and state.destination == "lists":
            state.destination, state.at_end = "capture", self._end_level_text
            self.capture = []
        elif word == "fldinst":
            state.destination, state.at_end = "capture", self._end_instruction
            self.capture = []
        elif word in {"title", "atnauthor"}:
            state.destination, state.at_end = "capture", self._end_title if word == "title" else self._end_author
            self.capture = []
        elif word == "objdata":
            state.destination, state.at_end = "pict", self._end_object
            self.capture = []
        elif word == "pict":
            state.destination, state.at_end = "pict", self._end_picture
            self.capture, self.picture_kind = [], ""
        elif word in {"shpinst", "do"}:
            state.destination = "shape"
        elif word == "upr":
            state.destination = "skip"
        elif word == "ud":
            state.destination = self.stack[-2].destination if len(self.stack) > 1 else "text"
        elif word == "formfield":
            state.destination, state.at_end = "formfield", self._end_check_box
            self.check_box = {}
        elif word in FORMULA_PARTS and state.destination == "text":
            opening, closing = FORMULA_PARTS[word]
            self.add(opening)
            state.at_end = lambda: self.add(closing)
        elif word in SKIPPED or FORMULA_LOOKS.fullmatch(word):
            state.destination, state.is_substitute = "skip", word == "shprslt"
        else:
            return False
        state.ignorable = False
        return True

    def _begin_flow(self, layer: LayerName, kind: BlockKind, *, once: bool = False) -> None:
        """Begin text of its own; its blocks follow the paragraph that it is anchored in."""
        outer, flow = self.flow, Flow(layer, kind)
        self.flow = flow
        state = self.state
        state.destination, state.style, state.shift, state.layer = "text", Style(), "", None
        state.outline, state.level, state.in_list, state.in_table, state.style_number = None, 0, False, False, 0

        def end() -> None:
            self.end_paragraph()
            self.end_table()
            self.flow = outer
            blocks = [*flow.blocks, *flow.later]
            if flow.note is not None:
                blocks = [block.model_copy(update={"note": flow.note}) for block in blocks]
            known = {(block.kind, block.text) for block in (*outer.blocks, *outer.later)} if once else set()
            outer.later += [block for block in blocks if (block.kind, block.text) not in known]
            if not outer.runs and not outer.cell:
                self.put_later(outer)

        state.at_end = end

    # --- what destinations end with -----------------------------------------------------------------------------------

    def _end_label(self) -> None:
        """Keep the label of a list item."""
        label = join_surrogates("".join(self.capture)).strip()
        self.flow.label = "•" if label in {"·", "o", "§", "\uf0b7", "-", "–"} else label
        self.capture = []

    def _end_level_text(self) -> None:
        """Keep the text of the labels of a level."""
        self.lists.set_text(join_surrogates("".join(self.capture)))
        self.capture = []

    def _end_instruction(self) -> None:
        """Keep the address of a link for the text of the field."""
        match = _LINK.search("".join(self.capture))
        if match and self.stack:
            link = safe_link_of(match[1] or match[2] or "")
            self.stack[-1].style = self.stack[-1].style._replace(link=link)
        self.capture = []

    def _end_title(self) -> None:
        """Keep the title of the document."""
        self.title = " ".join(join_surrogates("".join(self.capture)).split())
        self.capture = []

    def _end_author(self) -> None:
        """Keep the author of the next comment."""
        self.author = join_surrogates("".join(self.capture)).strip()
        self.capture = []

    def _end_check_box(self) -> None:
        """Show a check box of a form."""
        facts = self.check_box
        if facts.get("fftype") == 1:
            value = facts.get("ffres", 25)
            ticked = value == 1 or (value == 25 and facts.get("ffdefres", 0) == 1)
            self.flow.runs.append(Run("☒ " if ticked else "☐ "))

    def _take_digits(self) -> str:
        """Return the hexadecimal digits that were read."""
        digits = re.sub(r"[^0-9a-fA-F]", "", "".join(self.capture))
        self.capture = []
        return digits[: len(digits) // 2 * 2]

    def _end_object(self) -> None:
        """Keep an embedded object."""
        if (digits := self._take_digits()) and len(self.objects) <= MAX_OBJECTS:
            self.objects.append(bytes.fromhex(digits))

    def _end_picture(self) -> None:
        """Keep a picture; its figure follows the paragraph."""
        digits = self._take_digits()
        if self.picture_kind in PIXELS and len(digits) > 1:
            self.images.append(bytes.fromhex(digits))
            self.flow.later.append(Block(kind="figure", layer=self.flow.layer, picture="image"))
        elif digits:
            self.unread_pictures += 1
