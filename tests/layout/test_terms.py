"""What only looks like rows: terms of a glossary, and answers to choose from."""

from __future__ import annotations

from tests.support.layout_pages import blocks, kinds, line, only_table, rows_at, texts

TERMS = {
    "anchor": ("a weight that keeps a boat in its place",),
    "basin": ("water that walls protect from the waves of", "the open sea"),
    "berth": ("the place of a boat at a quay or pontoon",),
    "ferry": ("a ship that carries people at fixed times", "between the same places"),
    "quay": ("a wall at which ships lie and are unloaded",),
    "tide": ("the rise and fall of the sea twice a day",),
}


def entry(term, explanation, left, top):
    """A bold term, the explanation behind it, and its further lines below, further in."""
    bold = line(term, left, top, bold=True)
    words = bold + line(explanation[0], max(word.right for word in bold) * 595 + 3, top)
    for number, text in enumerate(explanation[1:], start=1):
        words += line(text, left + 10, top + 12 * number)
    return words


def glossary(columns):
    words = []
    for left, names in columns:
        top = 100.0
        for name in names:
            words += entry(name, TERMS[name], left, top)
            top += 12 * len(TERMS[name]) + 3
    return words


def test_each_term_of_a_glossary_is_a_paragraph():
    found = blocks(glossary([(72, TERMS)]))
    assert texts(found) == [" ".join((name, *lines)) for name, lines in TERMS.items()]


def test_columns_of_a_glossary_are_read_one_after_the_other():
    names = list(TERMS)
    found = blocks(glossary([(60, names[:3]), (320, names[3:])]))
    assert texts(found) == [" ".join((name, *lines)) for name, lines in TERMS.items()]


def test_a_bold_word_at_the_edge_of_running_text_begins_no_paragraph():
    words = line("Boats", 72, 100, bold=True) + line("may use the inner basin as long as they leave room", 105, 100)
    words += line("ferries", 72, 112, bold=True) + line("to turn and for the crane that lifts boats on days", 112, 112)
    words += line("with little wind, which the harbour master names each week.", 72, 124)
    assert kinds(blocks(words)) == ["paragraph"]


def test_answers_to_choose_from_are_no_table():
    words = line("1. When does the ferry leave?", 72, 100)
    words += rows_at([["A) at eight", "B) at nine"], ["C) at ten", "D) never"]], (90, 300), 116)
    words += line("2. Which of these is deepest?", 72, 156)
    words += rows_at([["A) the basin", "B) the quay"], ["C) the berth", "D) the sea"]], (90, 300), 172)
    assert "table" not in kinds(blocks(words))


def test_rows_that_begin_with_letters_are_a_table():
    words = rows_at([["Part", "Length", "Price"]], (72, 200, 300), 100, bold=True)
    words += rows_at([["A.", "20 cm", "4.50"], ["B.", "25 cm", "5.20"], ["C.", "31 cm", "6.10"]], (72, 200, 300), 116)
    assert only_table(blocks(words)).rows == 4


def test_results_below_the_fields_of_a_patient_are_a_table_of_their_own():
    fields = [["Patient:", "Ines Kroll", "Sample:", "24-1187"], ["Born:", "12.02.1961", "Taken:", "04.03.2024"]]
    header = ["Test", "Result", "Unit", "Reference"]
    rows = [["Sodium", "141", "mmol/l", "135 - 145"], ["Potassium", "5.4", "mmol/l", "3.5 - 5.1"], ["Iron", "12", "g/l", "9"]]
    words = rows_at(fields, (72, 130, 250, 320), 100) + rows_at([header], (72, 200, 300, 400), 140, bold=True)
    table = blocks(words + rows_at(rows, (72, 200, 300, 400), 156))[-1].table
    assert (table.rows, [cell.text for cell in table.cells if cell.row == 0]) == (4, header)
