"""What browsers and other programs make of HTML: check boxes, drop caps, glossaries, readings above letters."""

from __future__ import annotations

import pytest

from tests.support.typeset import print_html

FORM = """<meta charset=utf-8><h1>Order form</h1><p>Please tick what you want to receive from us this year.</p>
<p><input type=checkbox checked> Newsletter <input type=checkbox> Catalogue <input type=checkbox checked> Invitations</p>
<p><label><input type=radio name=a> By post</label><br><label><input type=radio name=a checked> By telephone</label></p>"""

DROP_CAPS = """<meta charset=utf-8>
<style>p.d::first-letter { float: left; font-size: 3.2em; line-height: .8; padding-right: 4px }
body { font: 12pt serif; width: 420px }</style>
<h1>The keeper</h1><p class=d>Once upon a time there was a keeper who lived on an island in the middle of the sea, and he had a
lamp that burned every night of the year without any rest. Nobody knew who had built the tower or why it stood there.</p>
<p class=d>In winter the wind was so strong that he could not go out of the door for many days, and he had to wait for the boat
that brought his bread and his letters.</p>"""


def test_check_boxes_and_options_of_a_browser_are_read(read, tmp_path):
    print_html(tmp_path / "form.pdf", FORM)
    lines = [line for line in read(tmp_path / "form.pdf").text.splitlines() if line]
    assert "☑ Newsletter ☐ Catalogue ☑ Invitations" in lines
    assert lines[-2:] == ["☐ By post", "☑ By telephone"]


def test_check_boxes_that_fill_what_lies_between_two_squares_are_read(read, tmp_path):
    weasyprint = pytest.importorskip("weasyprint")
    style = "<style>input { display: inline-block; margin: 0 4pt; vertical-align: middle }</style>"
    weasyprint.HTML(string=style + FORM).write_pdf(tmp_path / "form.pdf")
    flat = " ".join(read(tmp_path / "form.pdf").text.split())
    assert "☒ Newsletter ☐ Catalogue ☒ Invitations" in flat
    assert "☐ By post" in flat
    assert "☑ By telephone" in flat


@pytest.mark.parametrize("program", ["chromium", "weasyprint"])
def test_a_drop_cap_of_a_style_sheet_begins_its_word(read, tmp_path, program):
    if program == "chromium":
        print_html(tmp_path / "tale.pdf", DROP_CAPS)
    else:  # it makes no room for the letter in the first line
        pytest.importorskip("weasyprint").HTML(string=DROP_CAPS).write_pdf(tmp_path / "tale.pdf")
    texts = read(tmp_path / "tale.pdf").texts
    assert len(texts) == 3
    assert texts[1].startswith("Once upon a time there was a keeper who lived on an island in the middle")
    assert texts[2].startswith("In winter the wind was so strong that he could not go out of the door for many days")


def test_the_terms_of_a_glossary_are_blocks_of_their_own(read, tmp_path):
    words = {
        "Keel": "The long piece of timber along the bottom of a ship, on which the frames stand and which keeps it straight.",
        "Sheet": "The rope that holds a sail against the wind.",
        "Stern": "The end behind, where the helmsman stands and from where he sees all of the ship and of her sails, and "
        "where the name of the ship and of the town that she belongs to are painted so that everybody can read them. Done.",
        "Bow": "The end in front.",
    }
    pairs = "".join(f"<dt>{word}</dt><dd>{meaning}</dd>" for word, meaning in words.items())
    print_html(tmp_path / "words.pdf", f"<meta charset=utf-8><h1>Words</h1><dl>{pairs}</dl>")
    assert read(tmp_path / "words.pdf").texts == ["Words", *(text for pair in words.items() for text in pair)]


@pytest.mark.parametrize("degrees", [-30, 12, 40])
def test_a_stamp_whose_letters_a_browser_places_one_by_one_has_words(read, tmp_path, degrees):
    style = f"position: absolute; top: 300px; left: 60px; font-size: 40pt; color: #c88; transform: rotate({degrees}deg)"
    text = "The pumps of the four stations were read in the first week of March, and all of them ran."
    print_html(tmp_path / "stamp.pdf", f"<p>{text} {text}</p><p style='{style}'>DRAFT COPY 12 MAY</p><p>{text}</p>")
    assert [block.text for block in read(tmp_path / "stamp.pdf").blocks if block.kind == "watermark"] == ["DRAFT COPY 12 MAY"]


FRACTION = "<math><mi>x</mi><mo>=</mo><mfrac><mrow><mo>-</mo><mi>b</mi></mrow><mrow><mn>2</mn><mi>a</mi></mrow></mfrac></math>"
SQUARE = "<math display=block><mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup></math>"


def test_formulas_of_mathml_are_formulas(read, tmp_path):
    text = "as everybody knows who has read the book that is named at the end of this chapter."
    print_html(tmp_path / "sums.pdf", f"<h1>Sums</h1><p>The solution is {FRACTION} for all, {text}</p>{SQUARE}<p>{text}</p>")
    case = read(tmp_path / "sums.pdf")
    assert f"The solution is $x=\\frac{{-b}}{{2a}}$ for all, {text}" in case.flat
    assert [block.text for block in case.blocks if block.kind == "formula"] == ["E=mc^{2}"]


def test_words_in_letters_of_formulas_stay_words(read, tmp_path):
    bold = "".join(chr(0x1D5D4 + ord(letter) - ord("A")) for letter in "NEWS")
    print_html(tmp_path / "news.pdf", f"<meta charset=utf-8><h1>Harbour</h1><p>The {bold} of this week are good ones.</p>")
    assert f"The {bold} of this week" in read(tmp_path / "news.pdf").text
