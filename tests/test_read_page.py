"""One page on its way: route, picture, engines down the ladder, guards. No queue."""

from __future__ import annotations

import asyncio

import pytest
from PIL import ImageOps

from document_parser.engines import Engines
from document_parser.errors import NoEngine
from document_parser.models import Options, PageFacts
from document_parser.pipeline import route
from document_parser.pipeline.read import read_page
from document_parser.pipeline.source import OpenerLimits, Openers
from document_parser.settings import DeepSeekSettings, EngineSettings, NanonetsSettings, Settings
from tests import documents
from tests.vllm_batching import Speed
from tests.vllm_server import ModelServer, serving

DOWN = "http://127.0.0.1:9/v1"


@pytest.fixture(scope="module")
def openers():
    limits = OpenerLimits(memory_mb=2048, timeout_seconds=30, max_image_megapixels=200)
    with Openers.start(limits) as openers:
        yield openers


@pytest.fixture
def servers():
    fast = Speed(tokens_per_second=100_000, per_sequence=50_000, first_token=0.0)
    nanonets = ModelServer(model="nanonets/Nanonets-OCR2-3B", grammar="nanonets", speed=fast, tokens=60)
    return {"deepseek": ModelServer(speed=fast, tokens=60), "nanonets": nanonets}


def read(openers, path, servers=(), number=1, mode="balanced", inference="auto", kind="pdf", **options):
    """Read one page of a document with these model servers up."""

    async def main():
        async with contexts(servers) as urls:
            settings = Settings(
                engines=EngineSettings(inference_mode=inference),
                deepseek=DeepSeekSettings(url=urls.get("deepseek", DOWN)),
                nanonets=NanonetsSettings(url=urls.get("nanonets", DOWN)),
            )
            engines = Engines(settings)
            try:
                async with await openers.open(path, kind) as source:
                    return await read_page(source, number, Options(accuracy_mode=mode), engines, (0.2,))
            finally:
                await engines.aclose()

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


def test_a_sound_text_layer_asks_no_engine(openers, servers, paper):
    page = read(openers, paper, servers)
    assert trail(page) == [("text_layer", "accepted")]
    assert (page.route, page.engine) == ("sound text layer", "text_layer")
    assert servers["deepseek"].log == servers["nanonets"].log == []


def test_maximum_asks_a_model_although_the_text_layer_is_sound(openers, servers, paper):
    page = read(openers, paper, servers, mode="maximum")
    assert page.attempts[0].engine == "deepseek"
    assert "witness" in page.route


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
        (facts(characters=500, invisible_share=1.0, image_share=1.0), "the text layer is an earlier OCR under the picture"),
        (facts(characters=30, image_share=0.95), "pictures cover 95% of the page and the text layer has 30 characters"),
    ],
)
def test_a_text_layer_that_cannot_stand_for_the_page_is_not_trusted(page, reason):
    chosen = route.choose(page, "balanced", ALL)
    assert chosen.engines[0] == "deepseek"
    assert chosen.reason == reason


def test_a_form_goes_to_nanonets_first():
    assert route.choose(facts(form_fields=3), "balanced", ALL).engines[:2] == ("nanonets", "deepseek")


def test_fast_reads_the_text_layer_of_a_form():
    assert route.choose(facts(characters=900, form_fields=3), "fast", ALL).engines[0] == "text_layer"


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
    assert "low_confidence" in [warning.code for warning in page.warnings]


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
