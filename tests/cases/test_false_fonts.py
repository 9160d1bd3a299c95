"""Fonts whose digits, signs or names decode to other characters: they are read from the page, or the page says so."""

from __future__ import annotations

import asyncio

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from document_parser.models import Word
from document_parser.pipeline.local.reader import DocumentParser
from document_parser.pipeline.reading.font_check import check_fonts
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.source import Openers
from document_parser.text.language import find_suspect_fonts
from document_parser.text.rare import is_rare

AMOUNTS = ("1,250.00", "430.75", "980.20", "2,660.95")


def false_digits(path, shown, said):
    """An invoice whose amounts are in a font that shows digits and says other characters for them."""
    pdf = pikepdf.new()
    cmap = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap 1 begincodespacerange <00> <FF> endcodespacerange\n"
    cmap += f"{len(shown)} beginbfchar\n"
    cmap += "\n".join(f"<{ord(one):02X}> <{ord(other):04X}>" for one, other in zip(shown, said, strict=True))
    cmap += "\nendbfchar endcmap end end"
    plain = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    false = pdf.make_indirect(
        Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Courier, ToUnicode=pdf.make_stream(cmap.encode()))
    )
    lines = ["BT /P 11 Tf 72 740 Td (For the work in March we ask you to pay these sums within two weeks to our bank.) Tj ET"]
    for row, (label, amount) in enumerate(zip(("Roof", "Gutter", "Scaffold", "Total"), AMOUNTS, strict=True)):
        y = 700 - 18 * row
        lines.append(f"BT /P 11 Tf 72 {y} Td ({label}) Tj ET BT /F 11 Tf 250 {y} Td ({amount}) Tj ET")
    page = Dictionary(
        Type=Name.Page,
        MediaBox=[0, 0, 595, 842],
        Contents=pdf.make_stream("\n".join(lines).encode()),
        Resources=Dictionary(Font=Dictionary(P=plain, F=false)),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    pdf.save(path)
    return path


def test_amounts_that_decode_to_letters_are_read_from_the_page(read, tmp_path):
    case = read(false_digits(tmp_path / "a.pdf", "0123456789", "abcdefghij"))
    assert [amount for amount in AMOUNTS if amount in case.flat] == list(AMOUNTS)
    assert "bad_text_layer" in case.warnings


def suspects(*texts):
    return [word.text for font in find_suspect_fonts((Word(text, 0, 0, 1, 1), 1) for text in texts) for word in font.words]


@pytest.mark.parametrize("said", ["0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹", "٠١٢٣٤٥٦٧٨٩"])
def test_digits_of_any_kind_are_sound(said):
    assert not suspects(*(amount.translate(str.maketrans("0123456789", said)) for amount in AMOUNTS))


@pytest.mark.parametrize("said", ["‹›※‽‼⁂⁀⁁‾‿", "abcdefghij", "!\"#$%&'()*", "ΑΒΓΔΕΖΗΘΙΚ", "›Ÿ˜—“”‘’•…"])
def test_digits_that_decode_to_signs_or_letters_are_suspect(said):
    texts = [amount.translate(str.maketrans("0123456789", said)) for amount in AMOUNTS]
    assert suspects(*texts) == texts


@pytest.mark.parametrize(
    "texts",
    [
        ("★★★☆☆", "★★☆☆☆", "☐☐☑☒"),
        ("-----", "=====", "*****", "....."),
        ("(a)", "...", "e.g.", "i.e.", "U.S.A."),
        ("});", "return", "if", "(x", "==", "y)", "{", "print"),
        ("→", "←", "•", "—"),
        ("Mr.Jo", "went", "home"),
    ],
)
def test_rows_of_signs_that_documents_have_are_sound(texts):
    assert not suspects(*texts)


def test_only_the_words_with_rare_characters_of_a_font_are_suspect():
    assert suspects("ISSUE", "Date˖2021-4-25", "Buyer˖哾㦓") == ["Date˖2021-4-25", "Buyer˖哾㦓"]
    assert not suspects("王喆", "先生")
    assert not suspects("堃")  # the rare character of a name


@pytest.mark.parametrize("text", ["緑川绿綠國国学學的한글漢字ーかな", "ʼʻˈˌː˚˜ˆéÅß", "Ελληνικά Кириллица עברית"])
def test_usual_characters_of_many_languages_are_not_rare(text):
    assert not any(map(is_rare, text))


def test_a_line_that_one_page_does_not_show_clearly_is_looked_at_on_the_next(tmp_path):
    path = false_digits(tmp_path / "a.pdf", "0123456789", "abcdefghij")
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        pdf.pages.append(pdf.pages[0])
        first = pdf.pages[0].Contents.read_bytes()
        scribble = "".join(
            f"{250 + step} {640 + 9 * (step % 3)} m {262 + step} {716 - 7 * (step % 4)} l S\n" for step in range(0, 60, 2)
        )
        pdf.pages[0].Contents = pdf.make_stream(first + b" 2.2 w " + scribble.encode())
        pdf.save(path)

    async def repairs():
        async with DocumentParser(Settings(engines=EngineSettings(inference_mode="cpu"))) as parser:
            with Openers.start(OpenerLimits()) as openers:
                async with await openers.open(path, "pdf") as source:
                    checks = [await check_fonts(source, await source.facts(number), parser._engines) for number in (1, 2)]
        return [bool(check.repaired) for check in checks]

    assert asyncio.run(repairs()) == [False, True]
