"""Everyday faults found in the bug reports of other readers: what each document must say. One case is one kind of fault."""

from __future__ import annotations

import re

import pytest

from tests.support.case_reading import grids_of_html


def in_order(text, *pieces):
    """Whether the pieces follow each other in a text."""
    at = 0
    for piece in pieces:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


def row_with(rows, first):
    """The first row that begins with a text."""
    return next(row for row in rows if row[0] == first)


def test_01_every_row_of_a_table_with_spans_has_all_its_places(read):
    case = read("01-columns-shift.pdf")
    for html in (case.html, case.markdown):
        (rows,) = grids_of_html(html)
        head = ["Date", "Suffix", "Section", "Code", "Description", "Unit Cost", "Freight", "Tax", "Total"]
        assert rows[0] == head
        assert ["", "", "", "A100", "Widget assembly", "482,110.40", "0.00", "9,215.75", "491,326.15"] in rows
        note = next(row for row in rows if "Delivery in two parts, see letter" in row)
        assert note.index("Delivery in two parts, see letter") in (3, 4)


def test_02_letters_that_are_objects_of_their_own_are_words(read):
    case = read("02-letter-by-letter.pdf")
    assert "Los caballos llegaron a llevar la silla; llovía en Sevilla." in case.flat
    assert "The 11 clubs of Illinois have 1,111,410 members in 1,971 halls." in case.flat
    assert "Flight 711 left at 11:11 for Lille (Lesquin)." in case.flat
    assert case.tables == [
        [
            ["Year", "Passengers", "Change"],
            ["FY 2013", "1,973,603", "103.2"],
            ["FY 2014", "1,111,410", "101.1"],
            ["FY 2015", "6,111,893", "111.5"],
        ]
    ]


def test_03_turned_headings_are_one_row(read):
    (rows,) = read("03-rotated-heads.pdf").tables
    assert rows[0] == [
        "Station", "Inlet pressure, bar", "Outlet pressure, bar", "Flow rate, l/s", "Water temperature", "Running hours",
        "Alarms",
    ]  # fmt: skip
    assert rows[1] == ["Mill Lane", "2.1", "4.8", "31", "11.5", "1204", "0"]
    assert len(rows) == 5


def test_04_a_page_written_upside_down_is_read_as_it_was_written(read):
    case = read("04-upside-down.pdf")
    assert case.markdown.startswith("# Notice to all tenants")
    assert in_order(
        case.flat,
        "The lift will be out of service from the third to the seventh of March, because the ropes have to be replaced. "
        "Please plan for this if you expect deliveries.",
        "caretaker",
        "Questions are answered by the office",
    )
    assert "rotated" in case.warnings


def test_05_the_text_of_a_layer_that_is_off_is_hidden(read):
    case = read("05-hidden-layer.pdf")
    assert "Room 1: way out to the north." in case.texts
    assert "kitchen" not in case.markdown
    assert "no way out" not in case.markdown
    hidden = " ".join(text.text for text in case.page.hidden)
    assert in_order(hidden, "Room 1: kitchen, to be torn down in 2020.", "Room 2: no way out.")
    assert "hidden_text" in case.warnings


def test_06_digits_that_decode_to_other_characters_are_read_from_the_page(read):
    case = read("06-false-digits.pdf")
    assert in_order(case.flat, "1,250.00", "430.75", "980.20", "2,660.95", "0178334926")
    assert "bad_text_layer" in case.warnings


def test_07_labels_and_amounts_are_rows(read):
    (rows,) = read("07-key-figures.pdf").tables
    pairs = [[row[0], row[-1]] for row in rows]
    for pair in (
        ["Net asset value at 31 December", "5,111,372"],
        ["Number of outstanding units at 31 December", "49,136"],
        ["Revaluation", "2,076,667"],
        ["Costs", "(106,870)"],
        ["Total investment result for the period", "1,969,797"],
        ["Total investment result per unit", "3.78"],
        ["Class A", ""],
        ["Class B", ""],
        ["Investment result", ""],
    ):
        assert pair in pairs


def test_08_an_invoice_has_one_table_of_items(read):
    case = read("08-invoice.pdf")
    rows = next(rows for rows in case.tables if rows[0][:1] == ["Qty"])
    assert rows[0] == ["Qty", "Description", "Price", "Amount"]
    items = [" | ".join(row) for row in rows]
    assert any(
        re.fullmatch(r"16 \| Work on the roof\s+\(?Two men, one day, incl\. ladder\)? \| 40\.00 \| 640\.00", row)
        for row in items
    )
    assert "120 | Slates, Welsh blue | 2.50 | 300.00" in items
    assert any(
        re.fullmatch(r"1 \| Gutter, copper\s+\(?Length 6\.4 m, with two brackets and a downpipe\)? \| 310\.00 \| 310\.00", row)
        for row in items
    )
    assert in_order(case.flat, "310.00", "Subtotal", "1,250.00", "VAT 20 %", "250.00", "Total", "1,500.00", "Bank of Ashby")
    assert not any("Harriet Lindqvist" in cell and "2022-0417" in cell for row in rows for cell in row)
    assert not any("Boat house" in row and "Harriet Lindqvist" in row for rows in case.tables for row in rows)


def test_09_clauses_are_nested_items(read):
    case = read("09-clauses.pdf")
    assert not case.tables
    headings = [block.text for block in case.blocks if block.kind in ("title", "heading")]
    assert headings == ["1. DEFINITIONS", "2. TERM"]
    for start in (
        "1.1 In this agreement",
        '(a) "Board" means',
        '(b) "Pier"',
        "(i) the road",
        "(ii) the basin",
        "1.2 ",
        "2.1 ",
        "2.2 ",
    ):
        assert any(text.startswith(start) for text in case.texts), start
    levels = {block.text[:3].strip(): block.level for block in case.blocks if block.kind == "list_item"}
    assert levels["(a)"] < levels["(i)"]


def test_10_a_newspaper_is_stories_in_columns(read):
    case = read("10-newspaper.pdf")
    assert not case.tables
    assert case.markdown.startswith("# The Ashby Courier")
    headings = [block.text for block in case.blocks if block.kind in ("title", "heading")]
    assert in_order(
        "\n".join(headings),
        "Council decides: old bridge will be rebuilt",
        "\n",
        "Tulips win first prize",
        "\n",
        "Greyford goes up",
    )
    assert in_order(
        case.flat,
        "closed to lorries since the flood of last winter.",
        "led over the mill dam.",
        "until the bridge is open again.",
        "Tulips win first prize",
        "visitors came, twice as many as in the year before.",
        "Next year the show will last three days.",
        "Greyford goes up",
        "two of them from corners.",
        "county league.",
    )


def test_11_a_picture_with_writing_is_read_in_its_place(read):
    case = read("11-picture-with-text.pdf")
    assert in_order(
        case.flat,
        "The new opening hours are these:",
        "Opening hours",
        "Monday to Friday 8 to 12",
        "Thursday also 14 to 18",
        "Closed in August",
        "Outside of these hours",
    )


def test_12_drawn_boxes_are_check_boxes(read):
    lines = read("12-drawn-boxes.pdf").text.split("\n")
    for line in ("Valve found ☒ open ☐ shut", "Seal ☐ whole ☒ broken", "Crew ☐ A ☑ B ☐ C", "Danger ☐ yes ☒ no"):
        assert line in [re.sub(r"\s+", " ", found.replace("|", "").lstrip("- ")).strip() for found in lines]


def test_13_struck_out_words_are_marked(read):
    case = read("13-struck-out.pdf")
    assert "The rent is ~~800~~ 850 euros a month and is due on the ~~first~~ third working day." in case.flat
    assert "~~Pets are not allowed in the flat.~~" in case.flat
    assert "The garden may be used by all tenants." in case.flat
    assert "<s>800</s> 850" in case.html


def test_14_a_stamp_stands_by_itself(read):
    case = read("14-stamp.pdf")
    assert in_order(case.flat, "Work, 16 hours", "640.00")
    for row in (("Work, 16 hours", "640.00"), ("Slates, 120", "310.50"), ("Total", "950.50")):
        assert re.search(rf"{row[0]}[\s|*]*{row[1]}", case.markdown), row
    stamp = [block.text for block in case.blocks if "PAID" in block.text]
    assert len(stamp) == 1
    assert "950.50" not in stamp[0]
    assert any("12 May 2022" in text and "950.50" not in text for text in case.texts)


def test_15_a_drop_cap_begins_its_paragraph(read):
    flat = read("15-drop-cap.pdf").flat
    assert re.search(
        r"T(HE|he) recent development of signal lamps for small harbours, which exchange brightness for range, has made new "
        r"rules necessary\. A keeper of today works with lamps that need no oil, and he may be many miles away",
        flat,
    )


def test_17_the_data_above_a_table_is_not_its_header(read):
    case = read("17-lab-report.pdf")
    rows = next(rows for rows in case.tables if "白血球数(WBC)" in [row[0] for row in rows])
    assert rows[0] == ["項目", "検査方法", "注意", "結果", "単位", "基準範囲"]
    assert rows[1] == ["白血球数(WBC)", "機器法", "↓", "3.9", "E+9/L", "[4.0-10.0]"]
    assert rows[2] == ["好中球数(NEU#)", "機器法", "", "2.33", "E+9/L", "[1.8-6.3]"]
    plain = re.sub(r"<[^>]+>|[\s|:：*-]", "", case.markdown)
    for pair in ("性別男", "年齢50歳", "採取日時202106040900", "受付日時202106041938", "検体種別EDTA血液", "検体状態正常"):
        assert pair in plain


def test_19_light_writing_on_a_dark_ground_is_text(read):
    case = read("19-white-on-dark.png")
    assert not case.tables
    assert "Saint Mary at the Mill" in case.flat
    assert (
        "The annual meeting takes place on the fourth of May at seven in the evening. The treasurer will report on the sum of "
        "1,250 euros that was spent on the roof." in case.flat
    )
    assert case.flat.endswith("Please bring your own chair.")


def test_20_vertical_writing_is_read_downwards(read):
    case = read("20-tategaki.pdf")
    assert (
        "春の朝、川の水は静かに流れていた。橋の上に立つ子供は、遠くの山を見つめながら、昨日の約束を思い出していた。友達は必ず来ると言った"
        "のに、まだ姿が見えない。子供は小さな石を拾い、水の中へ投げた。輪が広がり、やがて消えていった。"
        in "".join(case.markdown.split())
    )


def test_22_dots_up_to_the_numbers_are_no_part_of_a_table(read):
    case = read("22-dotted-table.pdf")
    (rows,) = case.tables
    assert "...." not in case.markdown
    assert row_with(rows, "Persons (20 years and above)") == ["Persons (20 years and above)", "37.8", "42.1", "NA", "NA"]
    assert row_with(rows, "Any injury") == ["Any injury", "1.9", "2.1", "NA", "NA"]
    assert sum(bool(row[1]) for row in rows[2:]) == 6


def test_25_letters_in_boxes_are_one_value(read):
    case = read("25-digit-boxes.pdf")
    lines = [re.sub(r"[\s|*#-]+", " ", line).strip() for line in case.markdown.splitlines()]
    for line in ("Name ABERNATHY T", "Account GB00ASHB01178334926011", "Date 03112021", "Amount 1250,00"):
        assert line in lines
    assert not any("Name" in block.text or "Amount" in block.text for block in case.blocks if block.kind == "heading")


def test_27_raised_figures_and_letters_are_marked(read):
    case = read("27-raised-figures.pdf")
    flat = case.flat
    assert "$320¹ a year" in flat
    assert "25 m²" in flat
    assert "In 2021² there were 146³ members, of whom 12" in flat
    for price in ("$300b", "$45b", "$12b", "12a left"):
        assert price not in flat
    assert len([line for line in case.markdown.splitlines() if re.match(r"(<sup>)?[123abᵃᵇ¹²³]\W", line)]) == 5


def test_27_raised_figures_of_a_scan_never_join_a_number(read):
    flat = read("27-raised-figures-scan.jpg").flat
    assert not re.search(r"\$3201|1463|\$183|\$452|\$300b|12a left", flat)
    assert re.search(r"\$320(¹| ?\(1\)| ?<sup>1</sup>|\^\{?1)", flat)


def test_29_a_page_with_a_frame_and_no_text_is_done(read):
    case = read("29-empty-frame.pdf")
    assert [page.status for page in case.pages] in (["done"] * 3, ["done", "blank", "done"])
    assert all(page.error is None for page in case.pages)
    assert not any(block.text for block in case.pages[1].blocks)


def test_30_punctuation_stands_behind_a_number_in_hebrew(read):
    assert "טלפון: 03-1234567, פתוח בימים א-ה [למעט חגים]." in read("30-hebrew.pdf").flat


def test_32_the_contents_of_a_scan_are_a_nested_list(read):
    case = read("32-contents-scan.png")
    items = [(re.sub(r"^[■●•-]\s*", "", block.text), block.level) for block in case.blocks if block.kind == "list_item"]
    texts = [text for text, _ in items]
    for entry in ("4 Techniques", "4.1 Pre-processing", "4.2 Character recognition", "4.3 Post-processing", "1 History"):
        assert entry in texts
    levels = dict(items)
    assert levels["4 Techniques"] < levels["4.1 Pre-processing"] == levels["4.2 Character recognition"]


def test_33_a_name_of_rare_characters_is_read_from_the_page(read):
    flat = read("33-false-name.pdf").flat.replace(" ", "").replace(":", "：")
    assert re.search(r"ISSUEDate：2021-4-25Buyer：[緑绿綠]川", flat)


def test_35_a_listing_of_a_scan_keeps_its_indentation(read):
    case = read("35-listing-scan.jpg")
    (code,) = [block.text for block in case.blocks if block.kind == "code"]
    lines = code.splitlines()
    assert len(lines) == 14
    assert lines[0].replace(" ", "") == "#sums.py"
    indents = {line.strip(): len(line) - len(line.lstrip()) for line in lines}
    assert (indents["total = 0"], indents["if item > 0:"], indents["total += item"]) == (4, 8, 12)
    assert len([block for block in case.blocks if block.kind == "paragraph"]) == 2


def test_36_letters_that_cannot_be_read_lower_the_confidence(read):
    case = read("36-vietnamese-scan.png")
    assert {"low_confidence", "script_unreadable"}.intersection(case.warnings) or (
        "Cộng hòa xã hội chủ nghĩa Việt Nam" in case.flat
    )


@pytest.mark.parametrize("name", ["37-zebra.pdf", "37-zebra-bold-head.pdf", "38-bold-head.pdf"])
def test_37_38_a_table_without_lines_keeps_its_header(read, name):
    (rows,) = read(name).tables
    assert rows[0] == ["Date", "Value date", "Description", "Reference", "Debit", "Credit", "Balance"]
    assert rows[1][0] == "01.10.2026"
    assert len(rows) == 25


def test_39_a_photograph_in_perspective_keeps_its_rows(read):
    case = read("39-photo-invoice.jpg")
    rows = next(rows for rows in case.tables if rows[0][:1] == ["Pos."])
    assert [name.rstrip(" €") for name in rows[0]] == ["Pos.", "Article", "Description", "Qty", "Unit", "Unit price", "Amount"]
    items = [row for row in rows if row[0].isdecimal()]
    assert [int(row[0]) for row in items] == list(range(1, len(items) + 1))
    assert len(items) == 22
    for row in items:
        quantity, price, amount = (float(row[place].replace(",", "")) for place in (3, 5, 6))
        assert round(quantity * price, 2) == amount


def test_40_the_line_below_a_masthead_stays_whole(read):
    case = read("40-newsletter.pdf")
    assert case.markdown.startswith("# The Valley Gazette")
    assert re.search(r"Issue 47[\s|]*Newsletter of the Lower Esk Allotment Society[\s|]*Autumn 2026", case.markdown)
    assert in_order(
        case.flat, "Autumn 2026", "Water at last", "Plot inspections", "green tomato chutney", "Dates for the diary"
    )
    assert "discuss it in January." in case.flat


def test_41_a_signature_is_no_heading(read):
    case = read("41-signature-heading.pdf")
    assert not any("Ellison" in block.text for block in case.blocks if block.kind in ("title", "heading"))
    for line in ("Mr Thomas Hargreaves", "19 Abbey Terrace", "Whitby YO21 3QR"):
        assert (
            line in case.markdown.splitlines()
            or f"{line}  " in case.markdown.splitlines()
            or f"{line}\\" in case.markdown.splitlines()
        )
