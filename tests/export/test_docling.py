"""A DoclingDocument of pages: what lists, captions and parts of other pages become."""

from __future__ import annotations

import io
import json

from document_parser.export import writer_of
from document_parser.models import Block, BoundingBox, Cell, Continuation, Document, Options, Page, PageWarning, Table
from document_parser.models.page_words import PageWords

BOX = BoundingBox(left=0.1, top=0.2, right=0.5, bottom=0.25)


def written(*pages, variant="placeholder", **options):
    document = Document(filename="paper.pdf", media_type="application/pdf", page_count=len(pages))
    out = io.BytesIO()
    writer_of(f"docling-{variant}")(document, pages, Options(**options), out)
    return json.loads(out.getvalue())


def page(number, *blocks, **fields):
    return Page(number=number, width=600, height=800, blocks=list(blocks), **fields)


def block(kind, text="", **fields):
    return Block(kind=kind, text=text, box=BOX, **fields)


def children(document, ref="#/body"):
    kind, _, index = ref.removeprefix("#/").partition("/")
    item = document[kind][int(index)] if index else document[kind]
    return [child["$ref"] for child in item["children"]]


def test_a_box_is_in_points_from_the_lower_edge():
    (item,) = written(page(1, block("paragraph", "Words")))["texts"]
    box = {"l": 60.0, "t": 640.0, "r": 300.0, "b": 600.0, "coord_origin": "BOTTOMLEFT"}
    assert item["prov"] == [{"page_no": 1, "bbox": box, "charspan": [0, 5]}]


def test_levels_of_lists_are_groups_below_items():
    items = [block("list_item", text, level=level) for text, level in (("1. One", 1), ("- Inner", 2), ("2. Two", 1))]
    found = written(page(1, *items, block("paragraph", "After"), block("list_item", "- Other", level=1)))
    assert children(found) == ["#/groups/0", "#/texts/3", "#/groups/2"]
    assert children(found, "#/groups/0") == ["#/texts/0", "#/texts/2"]
    assert children(found, "#/texts/0") == ["#/groups/1"]
    assert children(found, "#/groups/1") == ["#/texts/1"]
    assert [(item["marker"], item["text"]) for item in found["texts"] if item["label"] == "list_item"] == [
        ("1.", "One"), ("-", "Inner"), ("2.", "Two"), ("-", "Other"),
    ]  # fmt: skip


def test_captions_before_and_behind_belong_to_their_table_or_picture():
    table = Table(rows=1, columns=1, cells=[Cell(row=0, column=0, text="x", header=True)])
    blocks = [block("caption", "Table 1: Before"), block("table", table=table), block("paragraph", "Text")]
    blocks += [block("figure", "Axis"), block("caption", "Figure 1: Behind")]
    found = written(page(1, *blocks))
    assert found["tables"][0]["captions"] == [{"$ref": "#/texts/0"}]
    caption = found["pictures"][0]["captions"][0]["$ref"]
    assert found["texts"][int(caption.rpartition("/")[2])]["text"] == "Figure 1: Behind"
    inside = children(found, "#/pictures/0")
    assert [found["texts"][int(ref.rpartition("/")[2])]["text"] for ref in inside] == ["Axis"]


def test_what_goes_on_over_the_end_of_a_page_is_one_item_with_two_places():
    begun = block("paragraph", "It goes", continued_on=2)
    rest = block("paragraph", "on here.", continues=Continuation(page=1, block=0, between=" "))
    footer = block("page_footer", "Footer")
    found = written(page(1, begun, footer), page(2, rest))
    item = next(item for item in found["texts"] if item["label"] == "text")
    assert item["text"] == "It goes on here."
    assert [(place["page_no"], place["charspan"]) for place in item["prov"]] == [(1, [0, 8]), (2, [8, 16])]
    assert [item["content_layer"] for item in found["texts"] if item["label"] == "page_footer"] == ["furniture"]


def test_parts_of_a_table_are_one_table_without_the_repeated_header():
    def part(*texts, **fields):
        cells = [Cell(row=row, column=0, text=text, header=row == 0) for row, text in enumerate(texts)]
        return block("table", table=Table(rows=len(texts), columns=1, cells=cells), **fields)

    begun = part("Head", "a", continued_on=2)
    rest = part("Head", "b", continues=Continuation(page=1, block=0, repeated_rows=1))
    found = written(page(1, begun), page(2, rest))
    data = found["tables"][0]["data"]
    assert [(cell["text"], cell["start_row_offset_idx"]) for cell in data["table_cells"]] == [("Head", 0), ("a", 1), ("b", 2)]
    assert (data["num_rows"], data["num_cols"]) == (3, 1)


def test_cells_have_the_boxes_of_their_words_unless_a_word_of_another_cell_lies_in_them():
    texts = [["Item", "Amount"], ["Gear oil", "12.50"], ["Seal", "12.50"], ["over here", "there"], ["Unread", ""]]
    cells = [Cell(row=row, column=column, text=text) for row, line in enumerate(texts) for column, text in enumerate(line)]
    places = {"Item": (0.1, 0.2), "Amount": (0.4, 0.2), "Gear": (0.1, 0.21), "oil": (0.16, 0.21), "Seal": (0.1, 0.22)}
    words = [(word, left, top, left + 0.05, top + 0.008, None) for word, (left, top) in places.items()]
    words += [("12.50", 0.4, top, 0.45, top + 0.008, None) for top in (0.21, 0.22)]
    # The word of the next cell lies between the two words of this one.
    words += [(word, left, 0.23, left + 0.05, 0.238, None) for word, left in (("over", 0.1), ("there", 0.2), ("here", 0.3))]
    blocks = [block("table", table=Table(rows=5, columns=2, cells=cells), continued_on=2)]
    rest = block("table", table=Table(rows=1, columns=2, cells=[Cell(row=0, column=0, text="Seal")]))
    rest.continues = Continuation(page=1, block=0)
    pages = [page(number, *found, words=PageWords.pack(words)) for number, found in ((1, blocks), (2, [rest]))]
    found = {
        (cell["start_row_offset_idx"], cell["start_col_offset_idx"]): cell.get("bbox")
        for cell in written(*pages)["tables"][0]["data"]["table_cells"]
    }
    known = {place: round(box["t"] - box["b"], 1) for place, box in found.items() if box}
    assert known == dict.fromkeys([(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1), (3, 1)], 6.4)
    assert (round(found[1, 0]["l"]), round(found[1, 0]["r"]), round(found[2, 1]["t"])) == (60, 126, 624)
    assert found[2, 0]["coord_origin"] == "BOTTOMLEFT"


def test_headings_formulas_and_boxes_to_tick_have_their_labels():
    blocks = [block("title", "Title", level=1), block("heading", "Part", level=2), block("formula", "$$x^2$$")]
    found = written(page(1, *blocks, block("checkbox", "☒ Yes"), block("checkbox", "No ☐"), block("code", "a = 1")))
    assert [(item["label"], item["text"]) for item in found["texts"]] == [
        ("title", "Title"), ("section_header", "Part"), ("formula", "x^2"), ("checkbox_selected", "Yes"),
        ("checkbox_unselected", "No"), ("code", "a = 1"),
    ]  # fmt: skip
    assert found["texts"][1]["level"] == 1


def test_facts_name_the_item_of_each_block_how_sure_pages_are_and_which_to_look_at():
    doubts = [PageWarning(code="rotated", message="Turned."), PageWarning(code="low_coverage")]
    pages = [page(1, block("paragraph", "a"), block("paragraph", "b"), confidence=0.9), page(2, warnings=doubts)]
    assert written(*pages, variant="facts") == {
        "items": [[1, 0, "#/texts/0"], [1, 1, "#/texts/1"]],
        "scores": {"1": 0.9},
        "warnings": [{"page": 2, "code": "low_coverage", "message": "low coverage"}],
    }
