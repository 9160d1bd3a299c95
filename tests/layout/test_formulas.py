"""What fonts, baselines and rules show of a formula becomes LaTeX within its line; plain text stays plain."""

from __future__ import annotations

import pytest

from document_parser.layout.page import blocks_of
from document_parser.models import RulingLine, Word
from document_parser.sources.pdf.math_fonts import glyphs_of, is_formula_font
from tests.support.layout_pages import HEIGHT, WIDTH, line, prose, texts


def glyph(text, left, base, *, size=10.0, math=True, italic=False, width=None):
    """A word on a baseline; lengths are points."""
    right = left + (width or 0.5 * size * len(text))
    box = (left / WIDTH, (base - 0.7 * size) / HEIGHT, right / WIDTH, base / HEIGHT)
    return Word(text, *box, size, False, italic, None, math, base / HEIGHT)


def bar(left, right, y):
    return RulingLine(left / WIDTH, y / HEIGHT, right / WIDTH, (y + 0.4) / HEIGHT)


def plain(text, left, base):
    return [word._replace(baseline=base / HEIGHT) for word in line(text, left, base - 8)]


def read(words, rules=()):
    return [(block.kind, block.text) for block in blocks_of(words, WIDTH, HEIGHT, rules)]


def test_indices_and_powers_are_told_by_size_and_baseline():
    words = [
        *plain("We take", 72, 200),
        glyph("x", 115, 200),
        glyph("i", 120.5, 202, size=7),
        glyph("2", 120.5, 196, size=7, math=False),
    ]
    assert read([*words, *plain("here.", 130, 200)]) == [("paragraph", "We take $x_{i}^{2}$ here.")]


def test_what_stands_over_and_under_a_bar_is_a_fraction_on_its_line():
    words = [*plain("The ratio", 72, 200), glyph("r", 120, 200), glyph("=", 128, 200, math=False)]
    words += [glyph("a", 140, 194, size=7), glyph("b", 140, 206, size=7), *plain("falls.", 150, 200)]
    assert read(words, [bar(139, 145, 197.5)]) == [("paragraph", r"The ratio $r=\frac{a}{b}$ falls.")]


def test_a_fraction_within_a_fraction():
    words = [glyph("x", 200, 200), glyph("=", 208, 200, math=False), glyph("a", 226, 191), glyph("b", 226, 204, size=7)]
    words += [glyph("c", 226, 212, size=7), glyph("+", 232, 208, math=False), glyph("d", 238, 208)]
    assert read(words, [bar(220, 248, 196), bar(225, 230.5, 206)]) == [("formula", r"x=\frac{a}{\frac{b}{c}+d}")]


def test_the_premises_of_a_rule_of_inference_may_stand_apart():
    words = [glyph("a", 200, 191), glyph("b", 230, 191), glyph("c", 215, 204)]
    assert read(words, [bar(198, 238, 195)]) == [("formula", r"\frac{a b}{c}")]


def test_a_bar_under_words_of_running_text_is_no_fraction():
    words = [*plain("see the underlined words of this line", 72, 200), *plain("and more words under it here too", 72, 212)]
    words.append(glyph("x", 400, 200))
    assert "frac" not in " ".join(texts(blocks_of(words, WIDTH, HEIGHT, [bar(90, 150, 201)])))


def test_roots_and_sums_hold_what_belongs_to_them():
    words = [
        glyph("√", 100, 193, width=8)._replace(bottom=204 / HEIGHT, top=191 / HEIGHT),
        glyph("n", 108.5, 200),
        glyph("+", 116, 200),
    ]
    words += [glyph("1", 124, 200, math=False)]
    assert read(words, [bar(108, 130, 191)]) == [("formula", r"\sqrt{n+1}")]
    operator = glyph("∑", 200, 190, width=12)._replace(top=192 / HEIGHT, bottom=206 / HEIGHT)
    words = [operator, glyph("N", 204, 190, size=7), glyph("k", 198, 213, size=7), glyph("=", 202, 213, size=7, math=False)]
    words += [glyph("1", 206, 213, size=7, math=False), glyph("k", 216, 202), glyph("+", 224, 202), glyph("y", 232, 202)]
    assert read(words) == [("formula", r"\sum_{k=1}^{N} k+y")]


def test_a_mark_over_a_letter_joins_it_in_formulas_and_in_text():
    mark = glyph("ˆ", 100, 195, width=4)
    assert read([mark, glyph("a", 100, 200), glyph("=", 108, 200), glyph("b", 116, 200)]) == [("formula", r"\hat{a}=b")]
    name = [
        *plain("M", 72, 200),
        glyph("¨", 81, 196, math=False, width=4),
        glyph("uller", 80, 200, math=False),
        glyph("x", 120, 200),
    ]
    assert read(name)[0][1].startswith("M ü") or read(name)[0][1].startswith("Mü")


def test_a_stroke_through_a_sign_negates_it_and_a_bar_before_an_arrow_maps():
    assert [chr(code) for code in b"67"] != [glyphs_of("CMSY10")[code] for code in b"67"] == ["\u0338", "↦"]
    words = [*plain("where", 72, 200), glyph("x", 110, 200)]
    words += [glyph("\u0338", 118.2, 200, width=7), glyph("=", 118, 200, math=False, width=7.4), glyph("y", 128, 200)]
    assert read([*words, *plain("holds", 140, 200)]) == [("paragraph", r"where $x \neq y$ holds")]
    words = [*plain("where", 72, 200), glyph("x", 110, 200), glyph("↦", 118, 200, width=1), glyph("→", 118, 200, width=9)]
    assert read([*words, glyph("y", 130, 200), *plain("holds", 142, 200)]) == [("paragraph", r"where $x \mapsto y$ holds")]


def test_numbers_of_footnotes_and_chemistry_stay_plain_characters():
    words = [*plain("as shown", 72, 200), glyph("3", 72 + 34.5, 196, size=6, math=False)]
    assert read(words) == [("paragraph", "as shown³")]
    water = [glyph("CO", 72, 200, math=False), glyph("2", 82.2, 202, size=6, math=False), *plain("rises", 90, 200)]
    assert read(water) == [("paragraph", "CO₂ rises")]


def test_a_line_of_formula_is_a_block_with_its_number_as_a_tag():
    words = [glyph("E", 250, 300), glyph("=", 260, 300, math=False), glyph("mc", 270, 300), *plain("(4)", 480, 300)]
    before, after = prose(4, 72, 200, 520), prose(4, 72, 340, 520, seed=2)
    found = blocks_of([*before, *words, *after], WIDTH, HEIGHT)
    assert [(block.kind, block.text) for block in found if block.kind == "formula"] == [("formula", r"E=mc\tag{4}")]


def test_stops_and_brackets_of_the_sentence_stay_outside():
    words = [
        *plain("(see", 72, 200),
        glyph("x", 96, 200),
        glyph(",", 101.5, 200),
        glyph("y", 108, 200),
        *plain(").", 113.4, 200),
    ]
    assert read(words) == [("paragraph", "(see $x,y$).")]


def test_signs_between_plain_numbers_make_no_formula():
    words = [*plain("12.3", 72, 200), glyph("±", 94, 200), *plain("0.4 mm", 104, 200)]
    assert read(words) == [("paragraph", "12.3 ± 0.4 mm")]


@pytest.mark.parametrize("name", ["CMMI10", "LMMathItalic8-Regular", "EURM10", "CambriaMath", "STIXTwoMath-Regular", "MSBM7"])
def test_fonts_for_formulas_are_known_by_name(name):
    assert is_formula_font(name)


@pytest.mark.parametrize("name", ["CMR10", "Helvetica", "TimesNewRomanPSMT", "SymbolMT", "Mathermes"])
def test_fonts_for_text_are_none(name):
    assert not is_formula_font(name)


def test_glyphs_of_symbol_fonts_say_what_they_show():
    symbols, large = glyphs_of("CMSY10"), glyphs_of("CMEX10")
    assert "kx0k".translate(symbols or {}) == "‖§\u2032‖"
    assert "ZX".translate(large or {}) == "∫∑"
    assert glyphs_of("CMMI10") is None


def test_dots_that_lead_to_a_page_number_are_no_columns():
    rows = [("1.1 Spaces of many kinds", "2"), ("1.2 Metric spaces", "6"), ("1.3 Maps", "9"), ("1.4 Paths and knots", "11")]
    words = []
    for number, (title, page) in enumerate(rows):
        top = 100 + 16 * number
        words += [word for x in range(230, 500, 8) for word in line(".", x, top)] + line(title, 72, top) + line(page, 510, top)
    dots = " ".join("." * len(range(230, 500, 8)))
    assert read(words) == [("paragraph", f"{title} {dots} {page}") for title, page in rows]


@pytest.mark.parametrize("brackets", ["([", "[{", "([{"])
def test_brackets_in_a_row_before_a_formula_are_text(brackets):
    words = [
        Word("Let", 0.1, 0.1, 0.14, 0.11, 10.0, baseline=0.11),
        Word(brackets, 0.145, 0.1, 0.16, 0.11, 10.0, baseline=0.11),
        Word("x", 0.161, 0.1, 0.17, 0.11, 10.0, math=True, baseline=0.11),
        Word("+", 0.172, 0.1, 0.18, 0.11, 10.0, math=True, baseline=0.11),
        Word("y", 0.182, 0.1, 0.19, 0.11, 10.0, math=True, baseline=0.11),
    ]
    assert brackets[0] in "".join(block.text for block in blocks_of(words, WIDTH, HEIGHT))


def test_a_raised_mark_and_a_tab_before_a_note_are_one_footnote():
    text = prose(20, 72, 100, 520)
    mark = Word("1", 100 / WIDTH, 700 / HEIGHT, 103 / WIDTH, 705 / HEIGHT, 6.5, baseline=705 / HEIGHT)
    note = [
        word._replace(size_points=8.5, baseline=710 / HEIGHT) for word in line("In the matter of Rambus", 135, 702, size=8.5)
    ]
    found = blocks_of([*text, mark, *note], WIDTH, HEIGHT)[-1]
    assert (found.kind, found.text) == ("footnote", "1 In the matter of Rambus")
