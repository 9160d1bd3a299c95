"""The engine that settings alone describe, against a server that answers in each of the known forms."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest
from PIL import Image, ImageDraw

from document_parser.engines.registry import Engines
from document_parser.engines.vlm.configured import ConfiguredEngine, image_spec_of
from document_parser.engines.vlm.grammars import GRAMMARS
from document_parser.engines.vlm.two_step import TwoStepEngine
from document_parser.errors import AnswerUnreadable, EngineError, EngineUnavailable
from document_parser.imaging.page_image import compute_pixel_size
from document_parser.models import BoundingBox, PageImage, Reading, Word
from document_parser.pipeline.checks import guards
from document_parser.pipeline.checks.evidence import Evidence
from document_parser.pipeline.checks.loops import loop_reason
from document_parser.settings import EngineSettings, Settings, VlmSettings
from tests.support.page_images import STAMP, stamped_image
from tests.support.vllm_answers import VLM_MODELS, answer_for
from tests.support.vllm_batching import FAST
from tests.support.vllm_server import ModelServer, serving

COLOURS = {"red": (200, 40, 40), "green": (40, 160, 40), "blue": (40, 60, 200), "black": (0, 0, 0)}
PLACES = {"red": (100, 50, 900, 150), "green": (100, 200, 500, 700), "blue": (520, 200, 900, 700)}
"""Regions of a page in thousandths, each painted in its colour."""
LIE = "Furthermore the lessee surrenders every claim against previous owners, including damages caused by storms or neglect."


def server_of(grammar, **more) -> ModelServer:
    return ModelServer(**{"model": VLM_MODELS[grammar], "grammar": grammar, "speed": FAST, **more})


def against(server: ModelServer, test: Callable[[ConfiguredEngine], Awaitable[None]], **settings: object) -> None:
    """Run a test with the engine that these settings describe."""

    async def main() -> None:
        async with serving(server):
            own = VlmSettings(**{"url": server.url, "model": server.model, "grammar": server.grammar, **settings})
            kind = TwoStepEngine if own.grammar == "mineru" else ConfiguredEngine
            engine = kind(Settings(engines=EngineSettings(vllm_request_seconds=20.0), vlm=own))
            try:
                await test(engine)
            finally:
                await engine.aclose()

    asyncio.run(main())


def read(server: ModelServer, image: PageImage | None = None, **settings: object) -> Reading:
    found: list[Reading] = []

    async def test(engine: ConfiguredEngine) -> None:
        found.append(await engine.read(image or stamped_image(), watch=loop_reason))

    against(server, test, **settings)
    return found[0]


def error_of(server: ModelServer, **settings: object) -> EngineError:
    with pytest.raises(EngineError) as caught:
        read(server, **settings)
    return caught.value


@pytest.mark.parametrize("grammar", [name for name in GRAMMARS if name != "mineru"])
def test_a_model_is_asked_and_read_in_its_own_form(grammar):
    server = server_of(grammar)
    reading = read(server)
    assert (reading.engine, reading.finish_reason, reading.text) == ("vlm", "stop", answer_for(STAMP, grammar))
    assert reading.blocks[0].text == f"Report stamp-{STAMP}"
    table = next(block.table for block in reading.blocks if block.table)
    assert [(cell.text, cell.row_span, cell.column_span) for cell in table.cells[:2]] == [("Item", 2, 1), ("Year", 1, 2)]
    with_boxes = [block.box is not None for block in reading.blocks]
    assert len(set(with_boxes)) == 1
    assert all(with_boxes) == (grammar in ("html", "chandra", "lighton", "dots_mocr"))
    (asked,) = server.log
    assert (asked.prompt, asked.max_tokens, asked.temperature) == (GRAMMARS[grammar].prompt, 8192, 0.0)


def test_what_the_settings_say_is_sent_instead():
    server = server_of("lighton")
    read(server, prompt="Read this.", max_tokens=500, temperature=0.2)
    read(server, prompt="none")
    assert [(asked.prompt, asked.max_tokens, asked.temperature) for asked in server.log] == [
        ("Read this.", 500, 0.2),
        ("", 8192, 0.0),
    ]


def test_pixel_boxes_are_those_of_the_image_that_was_sent():
    image = stamped_image()  # 620 x 877, which the model sees as 616 x 868
    element = '[{"bbox": [154, 217, 308, 434], "category": "Text", "text": "Here."}]'
    (block,) = read(server_of("dots_mocr", answer=lambda _: element), image).blocks
    assert block.box == BoundingBox(left=0.25, top=0.25, right=0.5, bottom=0.5)
    (block,) = read(server_of("dots_mocr", answer=lambda _: element), image, box_scale=1000).blocks
    assert block.box == BoundingBox(left=0.154, top=0.217, right=0.308, bottom=0.434)


def painted_page() -> PageImage:
    """A white page with a rectangle of one colour in each region."""
    image = Image.new("RGB", (1000, 1400), "white")
    for name, (left, top, right, bottom) in PLACES.items():
        ImageDraw.Draw(image).rectangle((left, top * 1.4, right - 1, bottom * 1.4 - 1), COLOURS[name])
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95)
    return PageImage(1, *image.size, "jpeg", file.getvalue(), ink=0.3)


def layout(*kinds: str) -> str:
    boxes = (" ".join(f"{side:03}" for side in place) for place in PLACES.values())
    lines = zip(boxes, kinds, strict=True)
    return "\n".join(f"<|box_start|>{one}<|box_end|><|ref_start|>{kind}<|ref_end|><|rotate_up|>" for one, kind in lines)


def sees_colours(*kinds: str, broken: str = "") -> Callable[[bytes], str]:
    """What MinerU says of the painted page: its layout, and the colour of each crop if it is of one colour alone."""

    def answer(picture: bytes) -> str:
        with Image.open(io.BytesIO(picture)) as image:
            if image.size == (1036, 1036):
                return layout(*kinds)
            corners = [image.getpixel(place) for place in ((2, 2), (image.width - 3, image.height - 3))]
        names = {
            min(COLOURS, key=lambda name: sum(abs(a - b) for a, b in zip(COLOURS[name], one, strict=True))) for one in corners
        }
        if broken in names:
            return "and the total of the second quarter " * 200
        return f"only {'/'.join(sorted(names))}"

    return answer


def test_mineru_reads_each_region_from_its_own_part_of_the_page():
    server = server_of("mineru", answer=sees_colours("title", "text", "image"))
    reading = read(server, painted_page())
    assert [(block.kind, block.text) for block in reading.blocks] == [
        ("heading", "only red"), ("paragraph", "only green"), ("figure", ""),
    ]  # fmt: skip
    assert [block.box for block in reading.blocks] == [
        BoundingBox.of(*(side / 1000 for side in place)) for place in PLACES.values()
    ]
    assert [asked.prompt.strip() for asked in server.log] == ["Layout Detection:", "Text Recognition:", "Text Recognition:"]
    assert reading.finish_reason == "stop"
    assert reading.completion_tokens > 20


def test_mineru_keeps_what_is_before_a_region_whose_answer_loops():
    reading = read(server_of("mineru", answer=sees_colours("title", "text", "text", broken="green")), painted_page())
    assert reading.finish_reason == "loop"
    assert reading.blocks[0].text == "only red"
    assert "blue" not in reading.text


@pytest.mark.parametrize(("grammar", "answered"), [("chandra", "dots_mocr"), ("markdown", "chandra"), ("mineru", "markdown")])
def test_an_answer_in_another_form_is_refused_with_what_to_set(grammar, answered):
    server = ModelServer(model="own/model", grammar=answered, speed=FAST)
    error = error_of(server, grammar=grammar)
    assert isinstance(error, AnswerUnreadable)
    assert "VLLM_VLM_GRAMMAR" in error.message


@pytest.mark.parametrize("grammar", ["chandra", "lighton", "dots_mocr"])
def test_a_loop_is_cut_while_it_grows(grammar):
    server = server_of(grammar)
    server.script("loop")
    reading = read(server)
    assert reading.finish_reason == "loop"
    assert any("stamp" in block.text for block in reading.blocks)


@pytest.mark.parametrize("grammar", ["chandra", "lighton", "dots_mocr", "mineru"])
def test_an_empty_answer_is_for_the_guards(grammar):
    server = server_of(grammar)
    server.script("empty", sticky=True)
    reading = read(server)
    assert reading.blocks == []
    rejection = guards.check_empty(reading, stamped_image())
    assert rejection is not None
    assert rejection.empty


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_answer_that_does_not_end_by_itself_is_rejected(grammar):
    server = server_of(grammar)
    server.script("truncate", sticky=True)
    reading = read(server)
    rejection = guards.judge(reading, stamped_image(), Evidence())
    assert rejection is not None
    assert (rejection.guard, rejection.warning) == ("length", "truncated")


@pytest.mark.parametrize("grammar", ["markdown", "lighton", "paddleocr_vl"])
def test_a_refusal_is_not_taken_for_the_page(grammar):
    """The other forms refuse such an answer because it has nothing of them."""
    known = answer_for(5, "markdown").split()
    reading = read(server_of(grammar, answer=lambda _: "I'm sorry, but I can't help with reading this page."))
    rejection = guards.judge(reading, stamped_image(), Evidence([Word(word, 0.1, 0.1, 0.2, 0.2) for word in known], "rapidocr"))
    assert rejection is not None
    assert rejection.guard == "coverage"


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_an_invented_sentence_is_seen_in_every_form(grammar):
    known = " ".join(block.text for block in GRAMMARS["markdown"].parse(answer_for(5, "markdown"), None))
    words = [Word(word, 0.1, 0.1, 0.2, 0.2) for word in known.split()]
    texts = {"title": "Report stamp-5", "text": f"{known} {LIE}"}
    writers = {
        "markdown": "{title}\n\n{text}", "paddleocr_vl": "{title}\n\n{text}",
        "lighton": "![title](0,0,9,9) {title}\n![text](0,9,9,19) {text}",
        "html": '<p data-bbox="0 0 9 9">{title}</p><p data-bbox="0 9 9 19">{text}</p>',
        "chandra": '<div data-bbox="0 0 9 9" data-label="Text">{title}</div>'
        '<div data-bbox="0 9 9 19" data-label="Text">{text}</div>',
        "dots_mocr": '[{{"bbox": [0, 0, 9, 9], "category": "Text", "text": "{title}"}}, '
        '{{"bbox": [0, 9, 9, 19], "category": "Text", "text": "{text}"}}]',
        "mineru": "<|box_start|>000 000 900 900<|box_end|><|ref_start|>text<|ref_end|>\n{title} {text}",
    }  # fmt: skip
    evidence = Evidence(words, "rapidocr")
    lying = Reading("vlm", blocks=GRAMMARS[grammar].parse(writers[grammar].format(**texts), None))
    rejection = guards.check_invention(lying, evidence)
    assert rejection is not None
    assert rejection.warning == "suspect_fabrication"
    honest = GRAMMARS[grammar].parse(writers[grammar].format(title="Report stamp-5", text=known), None)
    assert guards.check_invention(Reading("vlm", blocks=honest), evidence) is None


def test_without_an_address_and_a_name_there_is_no_third_model():
    assert "vlm" not in Settings().allowed_engines
    assert "vlm" not in Settings(vlm=VlmSettings(url="http://127.0.0.1:1/v1")).allowed_engines
    both = VlmSettings(url="http://127.0.0.1:1/v1", model="own/model")
    assert Settings(vlm=both).allowed_engines[:3] == ("deepseek", "nanonets", "vlm")
    assert Settings(vlm=both, engines=EngineSettings(inference_mode="cpu")).reading_models[-1] == "vlm"
    assert "vlm" not in Settings(vlm=both, engines=EngineSettings(inference_mode="cpu")).allowed_engines


def test_a_server_that_is_away_is_unavailable_as_for_the_other_models():
    settings = Settings(vlm=VlmSettings(url="http://127.0.0.1:9/v1", model="own/model", api_key="its own"))
    assert (settings.key_of("vlm"), settings.key_of("deepseek")) == ("its own", "EMPTY")

    async def main() -> None:
        engines = Engines(settings)
        try:
            assert "vlm" not in await engines.find_available()
            with pytest.raises(EngineUnavailable):
                await engines.get("vlm").read(stamped_image())
        finally:
            await engines.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_page_images_have_the_size_that_the_model_wants(grammar):
    spec = image_spec_of(VlmSettings(grammar=grammar))
    for page in ((595.0, 842.0), (842.0, 595.0), (2384.0, 3370.0), (120.0, 200.0), (300.0, 3000.0)):
        width, height = compute_pixel_size(*page, spec, spec.dpi)
        assert max(width, height) <= spec.max_long_side
        assert not spec.max_pixels or width * height <= spec.max_pixels
        assert width % spec.multiple_of == height % spec.multiple_of == 0
        assert abs(width / height - page[0] / page[1]) <= 0.06 * page[0] / page[1] + 0.02
    own = image_spec_of(VlmSettings(grammar=grammar, picture_long_side=1000, picture_multiple=32, picture_max_pixels=500_000))
    width, height = compute_pixel_size(595, 842, own, 300)
    assert (width % 32, height % 32) == (0, 0)
    assert width * height <= 500_000
