"""pdfplumber beside the other readers: tables of digital pages in ``maximum``, and words that PDFium cannot extract."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from document_parser.engines.registry import Engines
from document_parser.models import Options
from document_parser.pipeline.reading.read_page import read_page, read_with
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.pdf.pdfplumber_reader import MAX_CHARACTERS
from document_parser.sources.source import Openers
from tests.support import documents
from tests.support.service import NOBODY
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, serving

SENTENCE = "Payment is due within thirty days of the date of the invoice"


@pytest.fixture(scope="module")
def openers():
    with Openers.start(OpenerLimits(memory_mb=1024, timeout_seconds=30)) as openers:
        yield openers


def read(openers, path, mode="maximum", says=None, engine=None, **options):
    """Read the first page without a CPU engine; by Nanonets where it ``says`` something."""

    async def main():
        fast = Speed(tokens_per_second=100_000, per_sequence=50_000, first_token=0.0)
        server = ModelServer(model="nanonets/Nanonets-OCR2-3B", grammar="nanonets", speed=fast, answer=lambda _: says)
        async with contextlib.AsyncExitStack() as stack:
            if says is not None:
                await stack.enter_async_context(serving(server))
            settings = Settings(
                engines=EngineSettings(inference_mode="vllm"),
                deepseek=DeepSeekSettings(url=NOBODY),
                nanonets=NanonetsSettings(url=NOBODY if says is None else server.url),
            )
            engines = await stack.enter_async_context(contextlib.aclosing(Engines(settings)))
            source = await stack.enter_async_context(await openers.open(path, "pdf"))
            asked = Options(accuracy_mode=mode, **options)
            return await (read_with(engine, source, 1, asked, engines) if engine else read_page(source, 1, asked, engines))

    return asyncio.run(main())


def codes(page):
    return [warning.code for warning in page.warnings]


def second_reading(page):
    """The last attempt, which must be pdfplumber's."""
    assert page.attempts[-1].engine == "pdfplumber"
    return page.attempts[-1]


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return documents.table_pdf(tmp_path_factory.mktemp("clean") / "clean.pdf", documents.STOCK)


@pytest.fixture(scope="module")
def misleading(tmp_path_factory):
    return documents.misleading_table_pdf(tmp_path_factory.mktemp("misleading") / "misleading.pdf")


def test_a_clean_table_is_not_flagged_and_the_trail_has_both_readers(openers, clean):
    page = read(openers, clean)
    assert (page.engine, codes(page)) == ("text_layer", [])
    reason = (
        "a second reading of tables: text_layer has 1, pdfplumber 1 by lines and 0 by alignment; 1 compared, no cell differs"
    )
    assert (second_reading(page).outcome, second_reading(page).reason) == ("accepted", reason)


def test_a_table_whose_cells_differ_says_low_agreement_and_why(openers, misleading):
    page = read(openers, misleading)
    assert (page.status, codes(page)) == ("done", ["low_agreement"])
    assert "1 cell differs (1 with words that pdfplumber has in another row or column)" in page.warnings[0].message
    assert second_reading(page).reason.endswith("1 compared, 1 cell differs")


def test_the_words_of_the_table_are_not_in_the_trail(openers, misleading):
    page = read(openers, misleading)
    told = " ".join([*(attempt.reason for attempt in page.attempts), *(warning.message for warning in page.warnings)])
    assert not any(word in told for row in documents.STOCK[1:] for cell in row for word in cell.split() if len(word) > 3)


def test_only_who_wants_no_page_in_doubt_gets_none(openers, misleading):
    page = read(openers, misleading, on_low_quality="fail")
    assert (page.status, page.error.code) == ("failed", "PAGE_IN_DOUBT")
    assert read(openers, misleading, on_low_quality="fallback").engine == "text_layer"


@pytest.mark.parametrize("mode", ["fast", "balanced"])
def test_other_modes_do_not_ask_pdfplumber(openers, misleading, mode):
    page = read(openers, misleading, mode=mode)
    assert (codes(page), [attempt.engine for attempt in page.attempts]) == ([], ["text_layer"])


def html(rows):
    cells = "".join("<tr>" + "".join(f"<td>{text}</td>" for text in row) + "</tr>" for row in rows)
    return f"<table>{cells}</table>"


def test_a_model_s_table_is_compared_as_well(openers, clean):
    page = read(openers, clean, says=html(documents.STOCK))
    assert (page.engine, codes(page)) == ("nanonets", [])
    assert "nanonets has 1, pdfplumber 1 by lines" in second_reading(page).reason


def test_a_model_that_puts_words_into_another_row_is_found_out(openers, clean):
    rows = [list(row) for row in documents.STOCK]
    rows[2][1], rows[3][1] = rows[3][1], rows[2][1]
    page = read(openers, clean, says=html(rows))
    assert (page.engine, codes(page)) == ("nanonets", ["low_agreement"])
    assert "2 cells differ" in page.warnings[0].message


def test_a_page_with_too_many_characters_stays_unchecked(openers, tmp_path):
    line = b"0 -7 Td (%s) Tj " % (b"word " * 40)
    operators = b"BT /F 6 Tf 10 780 Td %s ET" % (line * (MAX_CHARACTERS // 200 + 1))
    page = read(openers, documents.pdf_of_operators(tmp_path / "dense.pdf", operators))
    assert (page.status, codes(page), second_reading(page).outcome) == ("done", [], "error")
    assert second_reading(page).reason.endswith(
        f"The page has more than {MAX_CHARACTERS} characters, the limit for pdfplumber."
    )


def test_a_page_on_which_pdfplumber_takes_too_long_stays_unchecked(tmp_path):
    lines = b"".join(b"%d 10 m %d 780 l S 10 %d m 600 %d l S " % (n * 4, n * 4, n * 5, n * 5) for n in range(3, 150))
    path = documents.pdf_of_operators(tmp_path / "slow.pdf", lines + b"BT /F 12 Tf 110 600 Td (%s) Tj ET" % SENTENCE.encode())
    with Openers.start(OpenerLimits(memory_mb=512, timeout_seconds=1.5)) as hasty:
        page = read(hasty, path)
    assert (page.status, page.engine) == ("done", "text_layer")
    assert (second_reading(page).outcome, "took too long" in second_reading(page).reason) == ("error", True)


@pytest.mark.parametrize("mode", ["fast", "balanced", "maximum"])
def test_words_that_pdfium_cannot_extract_are_pdfplumber_s(openers, tmp_path, mode):
    page = read(openers, documents.unextractable_pdf(tmp_path / "map.pdf", SENTENCE), mode=mode)
    assert (page.engine, [block.text for block in page.blocks]) == ("text_layer", [SENTENCE])
    assert codes(page) == ["bad_text_layer"]
    assert "pdfplumber" in page.warnings[0].message
    assert (page.attempts[0].engine, page.attempts[0].outcome) == ("pdfplumber", "accepted")
    assert page.attempts[0].reason == "12 words in place of a text layer that PDFium cannot extract"


def test_an_engine_that_sees_the_page_reads_it_rather_than_pdfplumber(openers, tmp_path):
    page = read(openers, documents.unextractable_pdf(tmp_path / "map.pdf", "Other letters"), mode="balanced", says=SENTENCE)
    assert (page.engine, [block.text for block in page.blocks]) == ("nanonets", [SENTENCE])
    assert "pdfplumber" not in {attempt.engine for attempt in page.attempts}


def test_they_are_there_too_where_the_text_layer_was_asked_for(openers, tmp_path):
    page = read(openers, documents.unextractable_pdf(tmp_path / "map.pdf", SENTENCE), mode="balanced", engine="text_layer")
    assert ([block.text for block in page.blocks], codes(page)) == ([SENTENCE], ["bad_text_layer"])


@pytest.mark.parametrize("make", [documents.nameless_letters_pdf, documents.drawn_letters_pdf])
def test_letters_that_nobody_can_extract_stay_with_the_engines(openers, tmp_path, make):
    page = read(openers, make(tmp_path / "letters.pdf"), mode="balanced")
    assert (page.attempts[0].engine, page.attempts[0].outcome) == ("pdfplumber", "rejected")
    assert page.attempts[0].reason == "100% of the characters have no meaning"
    assert codes(page) == ["bad_text_layer"]


def test_a_map_that_says_what_no_language_says_is_not_believed(openers, tmp_path):
    words = documents.PARAGRAPH[:200].lower()
    secret = "".join(chr((ord(letter) - 97 + 7) % 26 + 97) if letter.isalpha() else letter for letter in words)
    page = read(openers, documents.unextractable_pdf(tmp_path / "cipher.pdf", secret), mode="balanced")
    assert (page.attempts[0].outcome, page.attempts[0].reason) == ("rejected", "the words do not look like words of a language")


def test_a_page_with_text_that_nobody_sees_is_left_to_the_engines(openers, tmp_path):
    hidden = b"BT /F 12 Tf 1 1 1 rg 110 500 Td <00690067006e006f00720065> Tj ET"
    page = read(openers, documents.unextractable_pdf(tmp_path / "white.pdf", SENTENCE, more=hidden), mode="balanced")
    assert [attempt.engine for attempt in page.attempts] == ["text_layer"]
    assert codes(page) == ["hidden_text", "bad_text_layer"]
    assert "ignore" not in " ".join(block.text for block in page.blocks)
