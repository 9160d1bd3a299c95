"""One page on its way: route, picture, engines down the ladder, guards. No queue."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil

import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps
from reportlab.lib.utils import ImageReader

from document_parser.engines.base import Engine
from document_parser.engines.cpu_slots import CpuSlots
from document_parser.engines.rapidocr import spelling
from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.engines.registry import Engines
from document_parser.errors import NoEngine
from document_parser.models import BoundingBox, Options, PageFacts, Reading
from document_parser.pipeline.reading import routing
from document_parser.pipeline.reading.read_page import read_page, read_with
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings, WorkerSettings
from tests.support import documents
from tests.support.cyrillic import CYRILLIC, needs_cyrillic_font, needs_russian_pack, page_of_lines
from tests.support.service import NOBODY
from tests.support.vllm_batching import Speed
from tests.support.vllm_server import ModelServer, serving

READABLE_PACE = Speed(tokens_per_second=1500, per_sequence=1500, first_token=0.0)
"""Slow enough for a busy machine's client to close the connection before the answer has ended."""


CPU = RapidOcrEngine(Settings())
"""Shared by all tests, so that its models are loaded once."""


def loaded_once(engine):
    return CPU if engine.name == "rapidocr" else engine


@pytest.fixture
def servers():
    fast = Speed(tokens_per_second=100_000, per_sequence=50_000, first_token=0.0)
    nanonets = ModelServer(model="nanonets/Nanonets-OCR2-3B", grammar="nanonets", speed=fast, tokens=60)
    return {"deepseek": ModelServer(speed=fast, tokens=60), "nanonets": nanonets}


def read(
    openers,
    path,
    servers=(),
    number=1,
    mode="balanced",
    inference="auto",
    kind="pdf",
    check_image_pages="suspicious",
    cores_taken=False,
    tesseract="tesseract",
    engine=None,
    around=loaded_once,
    **options,
):
    """Read one page of a document with these model servers up, on a machine of one core; by one engine where that is asked."""

    async def main():
        async with contexts(servers) as urls:
            settings = Settings(
                engines=EngineSettings(
                    inference_mode=inference, check_image_pages=check_image_pages, tesseract_program=tesseract
                ),
                deepseek=DeepSeekSettings(url=urls.get("deepseek", NOBODY)),
                nanonets=NanonetsSettings(url=urls.get("nanonets", NOBODY)),
                workers=WorkerSettings(cpu_concurrency=1),
            )
            async with (
                contextlib.aclosing(Engines(settings)) as engines,
                await openers.open(path, kind) as source,
                engines.cpu_slots if cores_taken else contextlib.nullcontext(),
            ):
                asked = Options(accuracy_mode=mode, **options)
                if engine is not None:
                    return await read_with(engine, source, number, asked, engines.wrap(around))
                return await read_page(source, number, asked, engines.wrap(around), (0.2,))

    return asyncio.run(main())


class contexts:  # noqa: N801 - used like a function
    """All the servers, up for as long as the block lasts."""

    def __init__(self, servers):
        self.servers = dict(servers)
        self.entered = []

    async def __aenter__(self):
        for server in self.servers.values():
            self.entered.append(serving(server))
            await self.entered[-1].__aenter__()
        return {name: server.url for name, server in self.servers.items()}

    async def __aexit__(self, *error):
        for context in reversed(self.entered):
            await context.__aexit__(*error)


def trail(page):
    return [(attempt.engine, attempt.outcome) for attempt in page.attempts]


def words(page):
    return " ".join(block.text for block in page.blocks)


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return documents.stamped_pdf(tmp_path_factory.mktemp("scan") / "scan.pdf", [7])


def test_a_text_layer_that_was_asked_for_does_not_empty_a_page_that_has_none(openers, scan):
    page = read(openers, scan, engine="text_layer")
    assert (page.status, [warning.code for warning in page.warnings]) == ("failed", ["page_failed"])
    assert trail(page) == [("text_layer", "rejected")]


def test_a_text_layer_that_was_asked_for_and_cannot_stand_for_the_page_is_flagged(openers, tmp_path):
    canvas = documents.Canvas(str(tmp_path / "stamped.pdf"))
    canvas.drawImage(ImageReader(documents.page_picture("A letter on paper")), 0, 0, *documents.A4)
    canvas.drawString(400, 40, "Received 3 May")
    canvas.save()
    page = read(openers, tmp_path / "stamped.pdf", engine="text_layer")
    assert (page.status, words(page)) == ("done", "Received 3 May")
    assert [warning.code for warning in page.warnings] == ["bad_text_layer"]


def test_a_blank_page_whose_text_layer_was_asked_for_is_blank(openers, tmp_path):
    page = read(openers, documents.pdf_of_text(tmp_path / "blank.pdf", [""]), engine="text_layer")
    assert (page.status, page.blocks, page.warnings) == ("blank", [], [])


class SpotFinder(Engine):
    """Finds no word, and one picture that is too small for a figure."""

    name = "rapidocr"
    image_spec = CPU.image_spec

    async def read(self, page, *, temperature=None, watch=None):
        return Reading("rapidocr", figures=[BoundingBox.of(0.5, 0.5, 0.51, 0.51)])


def test_a_page_of_which_nothing_is_kept_says_so(openers, tmp_path):
    paper = documents.page_picture("")
    paper.paste(0, (paper.width // 2, paper.height // 2, paper.width // 2 + 12, paper.height // 2 + 17))
    paper.save(tmp_path / "spot.png")
    page = read(openers, tmp_path / "spot.png", inference="cpu", kind="image", around=lambda engine: SpotFinder())
    assert (page.status, page.blocks) == ("done", [])
    assert [warning.code for warning in page.warnings] == ["low_coverage"]


def test_a_form_that_is_not_drawn_on_its_page_is_not_passed_off_as_read(openers, tmp_path):
    page = read(openers, documents.dynamic_form_pdf(tmp_path / "form.pdf"), inference="cpu")
    assert (page.status, words(page)) == ("done", "Please wait until the form is shown")
    assert [warning.code for warning in page.warnings] == ["low_coverage"]
    assert "XFA" in page.warnings[0].message


def test_a_page_that_shows_nothing_of_its_text_layer_counts_as_blank_and_says_so(openers, tmp_path):
    canvas = documents.Canvas(str(tmp_path / "unseen.pdf"))
    unseen = canvas.beginText(72, 700)
    unseen.setTextRenderMode(3)
    unseen.textLine("Words of an earlier reading, without its picture")
    canvas.drawText(unseen)
    canvas.save()
    page = read(openers, tmp_path / "unseen.pdf", inference="cpu")
    assert (page.status, page.blocks, trail(page)) == ("blank", [], [("rapidocr", "accepted")])
    assert [warning.code for warning in page.warnings] == ["low_coverage"]
    assert "41 characters" in page.warnings[0].message


def test_a_sound_text_layer_asks_no_engine(openers, servers, paper):
    page = read(openers, paper, servers)
    assert trail(page) == [("text_layer", "accepted")]
    assert (page.route, page.engine) == ("sound text layer", "text_layer")
    assert servers["deepseek"].log == servers["nanonets"].log == []


def test_maximum_asks_a_model_although_the_text_layer_is_sound(openers, servers, paper):
    page = read(openers, paper, servers, mode="maximum")
    assert page.attempts[0].engine == "deepseek"
    assert "compares it with the text layer" in page.route


def test_a_scan_goes_to_deepseek_with_boxes_and_a_reason(openers, servers, scan):
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "accepted")]
    assert "stamp-7" in words(page)
    assert page.blocks[0].box is not None
    assert page.route == "no text layer"


def test_without_deepseek_nanonets_reads(openers, servers, scan):
    page = read(openers, scan, {"nanonets": servers["nanonets"]})
    assert trail(page) == [("nanonets", "accepted")]
    assert "stamp-7" in words(page)


def test_without_model_servers_the_cpu_reads_and_the_page_says_so(openers, scan):
    page = read(openers, scan)
    assert trail(page) == [("rapidocr", "accepted")]
    assert "Folio 7 of the register" in words(page)
    assert "no model server answers" in page.route
    assert page.confidence > 0.9


def test_inference_mode_cpu_never_asks_a_model(openers, servers, scan):
    assert read(openers, scan, servers, inference="cpu").engine == "rapidocr"
    assert servers["deepseek"].log == []


def test_inference_mode_vllm_never_reads_on_the_cpu(openers, scan):
    with pytest.raises(NoEngine):
        read(openers, scan, inference="vllm")


@pytest.mark.parametrize("fault", ["loop", "truncate", "empty", "garbage"])
def test_a_bad_answer_is_rejected_and_the_page_read_again_hotter(openers, servers, scan, fault):
    servers["deepseek"].script(fault)
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "rejected"), ("deepseek", "accepted")]
    assert [entry.temperature for entry in servers["deepseek"].log] == [0.0, 0.2]
    assert page.attempts[0].reason
    assert "stamp-7" in words(page)


def test_a_model_that_keeps_looping_gives_way_to_the_other_and_is_cut_short(openers, servers, scan):
    servers["deepseek"].script("loop", sticky=True)
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "rejected")] * 2 + [("nanonets", "accepted")]
    assert [warning.code for warning in page.warnings] == ["engine_fallback"]
    assert {entry.state for entry in servers["deepseek"].log} == {"aborted"}


def test_when_every_model_fails_the_cpu_reads(openers, servers, scan):
    servers["deepseek"].script("fail_500", sticky=True)
    servers["nanonets"].script("refuse_400", sticky=True)
    page = read(openers, scan, servers)
    assert page.engine == "rapidocr"
    assert [attempt.outcome for attempt in page.attempts] == ["error"] * (len(page.attempts) - 1) + ["accepted"]
    assert "Folio 7" in words(page)


def test_a_picture_too_large_for_the_context_is_sent_again_smaller(openers, servers, scan):
    servers["deepseek"].script("context_400")
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "error"), ("deepseek", "accepted")]
    assert "context" in page.attempts[0].reason


def test_a_refusal_is_not_asked_again(openers, servers, scan):
    servers["deepseek"].script("refuse_400", sticky=True)
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "error"), ("nanonets", "accepted")]
    assert len(servers["deepseek"].log) == 1


def test_a_connection_that_breaks_in_mid_answer_is_tried_again(openers, servers, scan):
    servers["deepseek"].script("reset")
    page = read(openers, scan, servers)
    assert trail(page) == [("deepseek", "accepted")]
    assert len(servers["deepseek"].log) == 2


def test_a_page_nothing_can_read_is_failed_with_every_attempt(openers, servers, scan):
    for server in servers.values():
        server.script("loop", sticky=True)
    page = read(openers, scan, servers, inference="vllm")
    assert (page.status, page.error.code, page.blocks) == ("failed", "PAGE_UNREADABLE", [])
    assert len(page.attempts) == 4
    assert [warning.code for warning in page.warnings] == ["page_failed"]


def test_a_blank_page_is_shown_to_no_engine(openers, servers, tmp_path):
    documents.scanned_pdf(tmp_path / "blank.pdf", [""])
    page = read(openers, tmp_path / "blank.pdf", servers)
    assert (page.status, page.blocks, page.attempts) == ("blank", [], [])
    assert servers["deepseek"].log == []


@pytest.mark.parametrize("turn", [90, 270])
def test_a_page_lying_on_its_side_is_turned_and_read(openers, tmp_path, turn):
    text = "\n".join(f"Paragraph {number} tells of ships and harbours and the long way home." for number in range(12))
    documents.scanned_pdf(tmp_path / "turned.pdf", [text], turned={1: turn})
    page = read(openers, tmp_path / "turned.pdf")
    assert page.rotation == (360 - turn) % 360
    assert page.height > page.width
    assert "Paragraph 3 tells of ships and harbours" in words(page)
    assert "rotated" in [warning.code for warning in page.warnings]
    tops = [block.box.top for block in page.blocks]
    assert tops == sorted(tops)


def test_a_turned_page_reaches_the_model_upright(openers, servers, tmp_path):
    documents.scanned_pdf(
        tmp_path / "turned.pdf", ["\n".join(["All the ships of the harbour lie still tonight."] * 12)], {1: 90}
    )
    page = read(openers, tmp_path / "turned.pdf", servers)
    assert (page.engine, page.rotation) == ("deepseek", 270)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_pictures_of_every_format_are_read(openers, tmp_path, format):
    path = documents.picture(tmp_path / "picture", "Invoice number 4711 of the harbour office", format)
    assert "4711" in words(read(openers, path, kind="image"))


def facts(**changed):
    return PageFacts(number=1, width_points=595, height_points=842, objects=10, **changed)


ALL = frozenset({"deepseek", "nanonets", "rapidocr"})


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (facts(characters=0), "no text layer"),
        (facts(characters=500, unmapped_share=0.4), "40% of the text layer's characters have no meaning"),
        (facts(characters=500, invisible_share=1.0, image_share=1.0), "the text layer is an earlier OCR under an image"),
        (facts(characters=30, image_share=0.95), "images cover 95% of the page and the text layer has only 30 characters"),
    ],
)
def test_a_text_layer_that_cannot_stand_for_the_page_is_not_trusted(page, reason):
    chosen = routing.choose_route(page, "balanced", ALL)
    assert chosen.engines[0] == "deepseek"
    assert chosen.reason == reason


def test_a_form_goes_to_nanonets_first():
    assert routing.choose_route(facts(form_fields=3), "balanced", ALL, "form").engines[:2] == ("nanonets", "deepseek")


def test_fast_reads_the_text_layer_of_a_form():
    assert routing.choose_route(facts(characters=900, form_fields=3), "fast", ALL).engines[0] == "text_layer"


def test_a_page_that_stands_on_its_head_is_turned_and_read_as_its_upright_self(openers, tmp_path):
    text = "The committee met on Thursday and approved the minutes of the previous meeting without changes. " * 3
    path = documents.scanned_pdf(tmp_path / "head.pdf", [text, text], turned={2: 180})
    upright, turned = (read(openers, path, number=number, inference="cpu") for number in (1, 2))
    assert (upright.rotation, turned.rotation) == (0, 180)
    assert words(turned) == words(upright)
    assert [warning.code for warning in turned.warnings] == ["rotated"]
    assert turned.blocks[0].box.top == pytest.approx(upright.blocks[0].box.top, abs=0.01)


def test_a_page_of_which_the_engine_is_unsure_says_so(openers, tmp_path):
    path = tmp_path / "mirrored.png"
    ImageOps.mirror(documents.page_picture("Quarterly figures of the northern district. " * 8)).save(path)
    page = read(openers, path, inference="cpu", kind="image")
    assert page.confidence < 0.85
    assert "script_unreadable" in [warning.code for warning in page.warnings]


@pytest.fixture(scope="module")
def cyrillic(tmp_path_factory):
    """A page in a script that RapidOCR does not know."""
    path = tmp_path_factory.mktemp("cyrillic") / "cyrillic.png"
    page_of_lines(CYRILLIC, (1000, 700)).save(path)
    return path


@needs_cyrillic_font
def test_a_page_of_a_script_that_nobody_knows_is_never_a_sound_reading(openers, cyrillic):
    page = read(openers, cyrillic, inference="cpu", kind="image", tesseract="")
    assert "tesseract" not in [attempt.engine for attempt in page.attempts]
    assert page.status == "failed"
    assert "script_unreadable" in [warning.code for warning in page.warnings]
    assert page.error.message.endswith("Bring the language: docparse languages add default")


@needs_cyrillic_font
@needs_russian_pack
def test_a_page_of_a_script_that_rapidocr_does_not_know_goes_to_tesseract_and_says_why(openers, cyrillic):
    page = read(openers, cyrillic, inference="cpu", kind="image")
    assert words(page) == " ".join(CYRILLIC)
    assert page.engine == "tesseract"
    assert trail(page)[-1] == ("tesseract", "accepted")
    assert re.fullmatch(r"tesseract read \d of \d uncertain lines again as rus(\+eng)?", page.attempts[-1].reason)
    assert [warning.code for warning in page.warnings] == ["engine_fallback"]


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_small_print_is_found_in_a_larger_image_and_what_cannot_be_read_is_named_with_its_place(openers, tmp_path):
    scan, print_ = Image.new("L", (1700, 1300), 255), ImageFont.load_default(9)
    lines = [
        "The quarterly report of the harbour lists every vessel",
        "that entered port. Copper, timber and winter wheat made",
    ]
    for number, text in enumerate([*lines, "up most of the cargo, as in the years before it began."]):
        ImageDraw.Draw(scan).text((150, 120 + 70 * number), text, fill=0, font=ImageFont.load_default(36))
    ImageDraw.Draw(scan).text((150, 500), "This statement shall be signed by the agent of the partners.", fill=0, font=print_)
    shines_through = Image.new("L", (900, 60), 255)
    ImageDraw.Draw(shines_through).text((10, 5), "Regulations of the lighthouse", fill=90, font=ImageFont.load_default(40))
    scan.paste(ImageOps.mirror(shines_through), (150, 800))
    scan.save(tmp_path / "scan.pdf", resolution=200)
    page = read(openers, tmp_path / "scan.pdf", inference="cpu", tesseract="no-tesseract")
    assert "This statement shall be signed by the agent" in words(page)
    assert page.attempts[0].reason.startswith("1 line found in a larger image")
    (line,) = page.unread
    assert 790 / 1300 < line.box.top < line.box.bottom < 870 / 1300
    assert [warning.message[:44] for warning in page.warnings] == ["1 line that looks like writing could not be "]
    assert page.is_flagged


def test_a_page_that_rapidocr_reads_well_is_not_shown_to_tesseract(openers, tmp_path):
    path = tmp_path / "plain.png"
    documents.page_picture("Quarterly figures of the northern district. " * 8).save(path)
    page = read(openers, path, inference="cpu", kind="image", mode="maximum")
    assert trail(page) == [("rapidocr", "accepted")]


def test_a_page_with_a_little_ink_that_no_engine_reads_counts_as_blank_and_says_so(openers, tmp_path):
    path = tmp_path / "specks.png"
    paper = documents.page_picture("")
    for place in range(100, 1000, 300):
        paper.paste(0, (place, place, place + 9, place + 9))
    paper.save(path)
    page = read(openers, path, inference="cpu", kind="image")
    assert page.status == "blank"
    assert [warning.code for warning in page.warnings] == ["low_coverage"]
    assert trail(page) == [("rapidocr", "accepted")]


def test_a_scan_of_a_photograph_and_nothing_else_is_a_page_with_a_figure(openers, tmp_path):
    paper = documents.page_picture("").convert("RGB")
    paper.paste(documents.photograph(800, 600), (200, 400))
    paper.save(tmp_path / "photograph.png")
    page = read(openers, tmp_path / "photograph.png", inference="cpu", kind="image")
    assert (page.status, [block.kind for block in page.blocks]) == ("done", ["figure"])
    assert trail(page) == [("rapidocr", "accepted")]


def answers_with(text, **more):
    """A model server that reads this on every page, in its own grammar."""
    fast = Speed(tokens_per_second=100_000, per_sequence=50_000, first_token=0.0)
    return ModelServer(**{"speed": fast, "answer": lambda _: text, **more})


NANONETS = {"model": "nanonets/Nanonets-OCR2-3B", "grammar": "nanonets"}
TRUE_TEXT = documents.PARAGRAPH * 3
LIE = "Furthermore the lessee surrenders every claim against previous owners, including damages caused by storms or neglect."


def deepseek_says(*texts):
    step = 800 // len(texts)
    tops = range(60, 60 + step * len(texts), step)
    parts = (
        f"<|ref|>text<|/ref|><|det|>[[90, {top}, 900, {top + step - 10}]]<|/det|>\n{text}\n"
        for top, text in zip(tops, texts, strict=True)
    )
    return "\n".join(parts)


BILL = TRUE_TEXT + " The total of invoice 4711 is 1,350.00 in all."


@pytest.fixture(scope="module")
def true_scan(tmp_path_factory):
    return documents.scanned_pdf(tmp_path_factory.mktemp("true") / "scan.pdf", [TRUE_TEXT])


def test_maximum_compares_a_scan_with_what_the_cpu_finds(openers, true_scan):
    page = read(openers, true_scan, {"deepseek": answers_with(deepseek_says(TRUE_TEXT))}, mode="maximum")
    assert page.engine == "deepseek"
    assert page.agreement > 0.9
    assert page.warnings == []
    assert page.attempts[-1].reason.startswith("a second reading")


def test_a_sentence_that_does_not_stand_on_a_scan_is_found_by_the_second_reader(openers, true_scan):
    page = read(openers, true_scan, {"deepseek": answers_with(deepseek_says(TRUE_TEXT, LIE))}, mode="maximum")
    assert [attempt.guard for attempt in page.attempts if attempt.outcome == "rejected"] == ["fabrication"] * 2
    assert page.engine == "rapidocr"
    assert "surrenders" not in words(page)


def test_the_cpu_checks_every_image_page_where_that_is_set(openers, true_scan):
    lying = {"deepseek": answers_with(deepseek_says(TRUE_TEXT, LIE))}
    assert read(openers, true_scan, lying).engine == "deepseek"
    checked = read(openers, true_scan, lying, check_image_pages="all")
    assert checked.engine == "rapidocr"
    assert checked.attempts[0].guard == "fabrication"


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    return documents.scanned_pdf(tmp_path_factory.mktemp("bill") / "scan.pdf", [BILL])


def test_a_number_that_the_cpu_finds_otherwise_on_a_scan_is_told(openers, bill):
    misread = answers_with(deepseek_says(BILL.replace("1,350.00", "1,250.00")))
    checked = read(openers, bill, {"deepseek": misread}, check_image_pages="all")
    assert (checked.engine, checked.agreement) == ("deepseek", None)
    assert [warning.code for warning in checked.warnings] == ["number_mismatch"]
    assert "1,250.00 (other reading: 1,350.00)" in checked.warnings[0].message


def test_a_number_that_the_other_model_reads_as_well_is_believed_against_the_cpu(openers, bill):
    other = BILL.replace("1,350.00", "1,250.00")
    agreed = {"deepseek": answers_with(deepseek_says(other)), "nanonets": answers_with(other, **NANONETS)}
    assert read(openers, bill, agreed, check_image_pages="all").warnings == []
    against = {"deepseek": answers_with(deepseek_says(other)), "nanonets": answers_with(BILL, **NANONETS)}
    assert [warning.code for warning in read(openers, bill, against, check_image_pages="all").warnings] == ["number_mismatch"]


def spot_checked(openers, path, *servers):
    """The page as it is read if the spot check has to do without idle cores."""
    return read(
        openers, path, dict(zip(("deepseek", "nanonets"), servers, strict=False)), check_image_pages="auto", cores_taken=True
    )


def test_a_sound_answer_passes_the_spot_check_and_says_what_was_compared(openers, true_scan):
    page = spot_checked(openers, true_scan, answers_with(deepseek_says(TRUE_TEXT)))
    assert (page.engine, page.warnings, len(page.attempts)) == ("deepseek", [], 1)
    assert page.attempts[0].reason.startswith("the CPU compared the shapes of the words in ")


def test_a_sentence_that_the_ink_has_no_words_for_is_found_by_the_spot_check(openers, true_scan):
    page = spot_checked(openers, true_scan, answers_with(deepseek_says(TRUE_TEXT, LIE)))
    assert page.engine == "rapidocr"
    assert page.attempts[0].guard == "fabrication"


def test_a_sentence_in_the_place_of_another_one_is_found_by_the_spot_check(openers, true_scan):
    words_, lie = TRUE_TEXT.split(), LIE.split()
    page = spot_checked(
        openers, true_scan, answers_with(deepseek_says(" ".join([*words_[:20], *lie, *words_[20 + len(lie) :]])))
    )
    assert page.engine == "rapidocr"
    assert page.attempts[0].guard == "fabrication"


def test_a_changed_digit_is_found_by_the_spot_check(openers, bill):
    sound = spot_checked(openers, bill, answers_with(deepseek_says(BILL)))
    assert (sound.engine, sound.warnings) == ("deepseek", [])
    page = spot_checked(openers, bill, answers_with(deepseek_says(BILL.replace("1,350.00", "1,250.00"))))
    assert [warning.code for warning in page.warnings] == ["number_mismatch"]
    assert "1,250.00 (other reading: 1,350.00)" in page.warnings[0].message


def test_lines_in_question_are_read_by_themselves_before_the_page_is(openers, true_scan):
    words_ = TRUE_TEXT.split()
    disordered = " ".join([*words_[:20], *reversed(words_[20:40]), *words_[40:]])
    page = spot_checked(openers, true_scan, answers_with(deepseek_says(disordered)))
    assert (page.engine, page.warnings, len(page.attempts)) == ("deepseek", [], 1)
    read_, found = map(int, re.search(r"and read (\d+) of (\d+) lines$", page.attempts[0].reason).groups())
    assert 0 < read_ < found


def test_of_pages_that_wait_for_a_core_the_latest_is_let_in_first_and_who_gave_up_never():
    async def main():
        cores, let_in = CpuSlots(1), []

        async def use(name):
            async with cores:
                let_in.append(name)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(use(name)) for name in ("first", "early", "given up", "late")]
        await asyncio.sleep(0)
        tasks[2].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1), cores:
            return let_in

    assert asyncio.run(main()) == ["first", "late", "early"]


def test_a_number_that_a_model_misreads_is_put_right_by_the_text_layer_and_told(openers, tmp_path):
    text = TRUE_TEXT + " The total of invoice 4711 is 1,350.00 in all."
    path = documents.pdf_of_text(tmp_path / "digital.pdf", [text])
    lying = text.replace("1,350.00", "1,250.00")
    page = read(openers, path, {"deepseek": answers_with(deepseek_says(lying))}, mode="maximum")
    assert page.engine == "deepseek"
    assert [warning.code for warning in page.warnings] == ["number_mismatch"]
    assert "1,350.00" in words(page)
    assert "1,250.00" not in words(page)


def test_readers_that_disagree_leave_the_choice_to_the_other_model(openers, tmp_path):
    path = documents.pdf_of_text(tmp_path / "digital.pdf", [TRUE_TEXT + LIE])
    nanonets = answers_with(TRUE_TEXT + LIE, **NANONETS)
    servers = {"deepseek": answers_with(deepseek_says(documents.PARAGRAPH * 2)), "nanonets": nanonets}
    page = read(openers, path, servers, mode="maximum")
    assert page.engine == "nanonets"
    assert page.agreement == 1
    assert page.warnings[0].code == "engine_fallback"
    assert page.blocks[0].box is not None


def doubtful(openers, path, on_low_quality):
    short = answers_with(deepseek_says("The agreement between the two parties begins on the first day."))
    return read(openers, path, {"deepseek": short}, inference="vllm", on_low_quality=on_low_quality)


def test_a_reading_in_doubt_is_kept_and_flagged(openers, true_scan):
    page = doubtful(openers, true_scan, "flag")
    assert (page.status, page.engine) == ("done", "deepseek")
    assert [warning.code for warning in page.warnings] == ["low_coverage"]


def test_a_reading_in_doubt_fails_the_page_where_that_was_asked_for(openers, true_scan):
    page = doubtful(openers, true_scan, "fail")
    assert (page.status, page.error.code, page.blocks) == ("failed", "PAGE_IN_DOUBT", [])


@pytest.mark.parametrize(("on_low_quality", "engine"), [("flag", "deepseek"), ("fallback", "nanonets")])
def test_fallback_asks_further_engines_about_a_page_in_doubt_and_keeps_the_least_doubtful(
    openers, tmp_path, on_low_quality, engine
):
    """Both numbers are wrong in the same way, so that the text layer's cannot be put in their places."""
    true = TRUE_TEXT + " Paid were 1,350.00 in May. Due are 1,350.00 in June."
    path = documents.pdf_of_text(tmp_path / "digital.pdf", [true])
    wrong = answers_with(deepseek_says(true.replace("1,350.00", "1,250.00")))
    servers = {"deepseek": wrong, "nanonets": answers_with(true, **NANONETS)}
    page = read(openers, path, servers, mode="maximum", on_low_quality=on_low_quality)
    assert page.engine == engine
    assert [warning.code for warning in page.warnings] == ["number_mismatch" if on_low_quality == "flag" else "engine_fallback"]


def test_two_readers_who_have_little_in_common_make_a_page_say_so(openers, tmp_path):
    known = [f"{chr(97 + n % 26)}{chr(97 + n // 26)}word" for n in range(200)]
    path = documents.pdf_of_text(tmp_path / "digital.pdf", [" ".join(known)])
    page = read(openers, path, {"deepseek": answers_with(deepseek_says(" ".join(known[:90])))}, mode="maximum")
    assert (page.status, page.engine) == ("done", "deepseek")
    assert 0.5 < page.agreement < 0.7
    assert [warning.code for warning in page.warnings] == ["low_agreement"]


def test_a_page_of_figures_is_asked_about_as_the_card_says_and_others_are_not(openers, servers, tmp_path):
    figures, words_ = tmp_path / "figures.pdf", tmp_path / "words.pdf"
    documents.table_pdf(figures, [[f"{row * 7}{column}5,{row}20.50" for column in range(5)] for row in range(1, 12)])
    documents.table_pdf(words_, [["Item", "Kind"], *(["Goods from the harbour", "Wares of the town"] for _ in range(8))])
    ends = []
    for path in (figures, words_):
        servers["nanonets"].log.clear()
        read(openers, path, servers)
        ends.append(servers["nanonets"].log[0].prompt.endswith("Only return HTML table within <table></table>."))
    assert ends == [True, False]


def test_doubt_about_ink_is_settled_by_the_cpu(openers, true_scan):
    short = answers_with(deepseek_says("The agreement between the two parties begins on the first day."))
    page = read(openers, true_scan, {"deepseek": short})
    assert page.engine == "rapidocr"
    assert {attempt.guard for attempt in page.attempts} == {"coverage", None}


def test_a_looping_answer_keeps_what_was_read_and_reads_the_rest_from_a_crop(openers, true_scan):
    good, rest = TRUE_TEXT[: len(TRUE_TEXT) // 2], TRUE_TEXT[len(TRUE_TEXT) // 2 :]
    top = deepseek_says(good, "and the total of the second quarter " * 400).replace(
        "[[90, 60, 900, 450]]", "[[90, 60, 900, 150]]"
    )
    answers = iter([top, deepseek_says(rest)])
    server = answers_with("", speed=READABLE_PACE, answer=lambda _: next(answers))
    page = read(openers, true_scan, {"deepseek": server}, inference="vllm")
    assert [(attempt.engine, attempt.outcome) for attempt in page.attempts] == [
        ("deepseek", "rejected"),
        ("deepseek", "accepted"),
    ]
    assert server.log[0].state == "aborted"
    assert words(page).split() == TRUE_TEXT.split()
    assert [warning.code for warning in page.warnings] == ["loop_cut"]
    assert page.blocks[1].box.top > page.blocks[0].box.bottom


def test_a_digital_page_with_a_table_goes_to_nanonets_in_balanced_mode(openers, servers, tmp_path):
    path = tmp_path / "table.pdf"
    documents.table_pdf(path, [["Item", "Amount", "Year"], *(["Goods from the harbour", f"{n}7.20", "2026"] for n in range(8))])
    page = read(openers, path, servers)
    assert page.attempts[0].engine == "nanonets"
    assert page.route == "sound text layer; a table"
    assert read(openers, path, servers, mode="fast").engine == "text_layer"
    assert read(openers, path).engine == "text_layer"


def test_the_attempt_says_how_many_letters_and_spaces_a_dictionary_has_decided(openers, tmp_path, monkeypatch):
    path = documents.scanned_pdf(tmp_path / "scan.pdf", ["A letter about the lease"])
    monkeypatch.setattr(spelling, "spell_by_dictionary", lambda lines: [line and line._replace(mended=2) for line in lines])
    page = read(openers, path, inference="cpu")
    assert page.attempts[-1].reason.endswith("a dictionary decided letters and spaces in doubt: 2")
