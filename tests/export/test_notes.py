"""Marks of notes in the text become references of Markdown, and the notes what these refer to."""

from __future__ import annotations

import io

import pytest

from document_parser.export import FORMATS
from document_parser.models import Block, BlockKind, Cell, Document, Options, OutputFormat, Page, Span, Table
from document_parser.text.documents_inside import with_own_notes

HEAD = Document(filename="a.docx", media_type="application/msword", page_count=1)


def written(name: OutputFormat, *pages: Page, **options: str) -> str:
    out = io.BytesIO()
    FORMATS[name].write(HEAD, iter(pages), Options.model_validate(options), out)
    return out.getvalue().decode()


def page(*blocks: Block, number: int = 1) -> Page:
    return Page(number=number, blocks=list(blocks), engine="text_layer")


def markdown(*blocks: Block) -> str:
    return written("markdown", page(*blocks))


def mark(start: int, name: str, length: int = 1, **more: bool) -> Span:
    return Span.model_validate({"start": start, "end": start + length, "note": name, **more})


def text(words: str, *spans: Span, kind: BlockKind = "paragraph") -> Block:
    return Block(kind=kind, text=words, spans=[*spans])


def note(words: str, name: str, *spans: Span, kind: BlockKind = "footnote") -> Block:
    return Block(kind=kind, layer="notes", text=words, spans=[*spans], note=name)


def test_a_mark_is_a_reference_and_its_note_is_what_it_refers_to():
    shown = markdown(text("so¹ it is", mark(2, "n1")), note("1 true", "n1", mark(0, "n1")))
    assert shown == "so[^1] it is\n\n[^1]: true\n"


def test_all_blocks_of_a_note_are_in_it_and_what_follows_is_not():
    rest = [note("more\nlines", "n"), note("• item", "n", kind="list_item"), text("after")]
    shown = markdown(text("a¹", mark(1, "n")), note("1 one", "n", mark(0, "n")), *rest)
    assert shown == "a[^1]\n\n[^1]: one\n\n    more  \n    lines\n\n    - item\n\nafter\n"


def test_a_note_without_content_is_still_there():
    assert markdown(text("a¹", mark(1, "n")), note("1", "n", mark(0, "n"))) == "a[^1]\n\n[^1]:\n"


def test_a_note_that_no_text_refers_to_is_a_paragraph_because_readers_of_markdown_drop_it():
    assert markdown(text("a"), note("1 one", "n", mark(0, "n"))) == "a\n\n1 one\n"


def test_without_notes_a_mark_stays_as_it_is():
    shown = written("markdown", page(text("a¹", mark(1, "n")), note("1 one", "n", mark(0, "n"))), layers="body")
    assert shown == "a¹\n"


@pytest.mark.parametrize("name", ["html", "text"])
def test_other_formats_show_the_mark(name: OutputFormat):
    assert "a¹" in written(name, page(text("a¹", mark(1, "n")), note("1 one", "n", mark(0, "n"))))


def test_labels_are_unique_in_the_document_and_names_on_their_page():
    pages = [page(text("a¹", mark(1, "n")), note("x", "n"), number=number) for number in (1, 2)]
    assert written("markdown", *pages) == "a[^1]\n\n[^1]: x\n\na[^1-2]\n\n[^1-2]: x\n"


@pytest.mark.parametrize(("shown", "label"), [("ⁱ", "i"), ("[¹]", "1"), ("^(A)", "a"), ("*", "note"), ("†", "note")])
def test_a_label_is_the_mark_if_it_is_a_number_or_a_letter(shown: str, label: str):
    assert markdown(text(f"a{shown}", mark(1, "n", len(shown))), note("x", "n")) == f"a[^{label}]\n\n[^{label}]: x\n"


def test_nothing_beside_a_mark_makes_a_link_or_an_image_of_it():
    shown = markdown(text("so!¹(it) is²: x", mark(3, "n"), mark(11, "m")), note("x", "n"), note("y", "m"))
    assert shown.startswith("so\\![^1]\\(it) is[^2]\\: x\n")


def test_a_mark_does_not_end_the_emphasis_of_the_word_before_it():
    shown = markdown(text("a word¹", Span(start=2, end=6, bold=True), mark(6, "n")), note("x", "n"))
    assert shown == "a **word**[^1]\n\n[^1]: x\n"


def test_marks_in_headings_items_and_cells_are_references_but_none_in_html():
    cells = [Cell(row=0, column=0, text="c¹", spans=[mark(1, "n")]), Cell(row=0, column=1, text="d")]
    table = Block(kind="table", table=Table(rows=1, columns=2, cells=cells))
    wide = [cells[0].model_copy(update={"column_span": 2})]
    spanned = Block(kind="table", table=Table(rows=1, columns=2, cells=wide))
    end = note("x", "n")
    assert markdown(text("h¹", mark(1, "n"), kind="heading"), end).startswith("## h[^1]\n")
    assert markdown(text("• i¹", mark(3, "n"), kind="list_item"), end).startswith("- i[^1]\n")
    assert markdown(table, end).startswith("| c[^1] | d |\n")
    assert "c¹" in markdown(spanned, end)
    assert markdown(spanned, end).endswith("\n\nx\n")


def test_documents_in_one_text_have_labels_of_their_own():
    lines = [b"a[^1] `b[^1]` \\[^1] $c[^1]$\n", b"```\n", b"[^1]\n", b"```\n", b"<td>[^1]</td>\n", b"[^1]: x\n"]
    expected = [b"a[^3-1] `b[^1]` \\[^1] $c[^1]$\n", *lines[1:5], b"[^3-1]: x\n"]
    assert [*with_own_notes(lines, 3, "markdown")] == expected
    assert [*with_own_notes(lines, 3, "text")] == lines
