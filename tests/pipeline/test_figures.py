"""Figures: found, put into the reading order, cut out upright, stored, linked, and gone with their job."""

from __future__ import annotations

import asyncio
import contextlib
import io
import re
import zipfile

import pytest
from PIL import Image

from document_parser.client import Client
from document_parser.engines.registry import Engines
from document_parser.errors import PageCrashed
from document_parser.export import FORMATS
from document_parser.export.figures import Figures
from document_parser.imaging.figure_boxes import find_figure_boxes
from document_parser.models import Block, BoundingBox, Cell, Document, Options, Page, PageFacts, PageImageSpec, Table
from document_parser.pipeline.local.reader import parse
from document_parser.pipeline.reading.figure_labels import with_labels
from document_parser.pipeline.reading.figures import assign_boxes, insert_figures, with_figures
from document_parser.pipeline.reading.parts import join_description
from document_parser.pipeline.reading.read_page import read_page
from document_parser.settings import EngineSettings, Settings
from document_parser.sources.base import OpenerLimits
from document_parser.sources.pdf.file import PdfFile
from document_parser.sources.source import Openers
from tests.support import documents
from tests.support.case_reading import FILES
from tests.support.service import Service

CPU = Settings(engines=EngineSettings(inference_mode="cpu"))
RED = (200, 0, 0)


def box(left, top, right, bottom):
    return BoundingBox.of(left, top, right, bottom)


def block(kind, *place, text="text"):
    return Block(kind=kind, text=text, box=box(*place))


def opened(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def reddish(pixel):
    return pixel[0] > 150 and pixel[1] < 80 and pixel[2] < 80


@pytest.fixture(scope="module")
def illustrated(tmp_path_factory):
    return documents.illustrated_pdf(tmp_path_factory.mktemp("figures") / "red & blue.pdf", pages=2)


# --- which pictures are figures ---------------------------------------------------------------------------------------


def test_strips_of_a_picture_are_one_figure_and_logos_and_scans_are_none():
    strips = [(0.2, 0.3, 0.6, 0.4), (0.2, 0.4, 0.6, 0.5)]
    assert find_figure_boxes([*strips, (0.9, 0.02, 0.95, 0.05)], 595, 842) == [box(0.2, 0.3, 0.6, 0.5)]
    assert find_figure_boxes([(0, 0, 1, 1)], 595, 842) == []
    assert find_figure_boxes([(0.1, 0.1, 0.9, 0.11)], 595, 842) == []


def test_figures_side_by_side_come_from_left_to_right():
    boxes = [(0.6, 0.29, 0.9, 0.5), (0.1, 0.3, 0.4, 0.5), (0.1, 0.6, 0.4, 0.8)]
    assert [found.left for found in find_figure_boxes(boxes, 595, 842)] == [0.1, 0.6, 0.1]


LINE = b"100 400 m 150 470 l 200 430 l 250 520 l 300 480 l 350 560 l 400 500 l S "
DOTS = b" ".join(
    b"%d %d m %d %d %d %d %d %d c f" % (x, y, x + 4, y + 8, x + 8, y + 8, x + 12, y)
    for x, y in ((148, 470), (198, 430), (248, 520), (298, 480), (348, 560), (398, 500), (98, 400), (220, 470), (320, 520))
)
GRID = b" ".join(b"100 %d m 400 %d l S %d 400 m %d 560 l S" % (y, y, x, x) for x, y in ((100, 400), (250, 480), (400, 560)))
ROUND_BOX = (
    b"100 400 m 390 400 l 400 400 400 400 400 410 c 400 550 l 400 560 400 560 390 560 c 110 560 l 100 560 100 560 100 550 c S"
)


def found_in(path, operators):
    return PdfFile(documents.pdf_of_operators(path, operators)).facts(1).pictures


def test_a_chart_drawn_with_lines_and_dots_is_a_figure(tmp_path):
    (chart,) = found_in(tmp_path / "chart.pdf", LINE + DOTS)
    facts = PdfFile(tmp_path / "chart.pdf").facts(1)
    assert chart.left * facts.width_points == pytest.approx(99, abs=2)
    assert (1 - chart.top) * facts.height_points == pytest.approx(568, abs=9)


def test_a_bare_line_of_a_chart_is_a_figure(tmp_path):
    assert len(found_in(tmp_path / "line.pdf", LINE)) == 1


@pytest.mark.parametrize("operators", [GRID, ROUND_BOX, b"1 1 1 RG 1 g " + LINE + DOTS])
def test_a_grid_a_box_with_round_corners_and_what_is_white_on_white_are_no_figures(tmp_path, operators):
    assert found_in(tmp_path / "none.pdf", operators) == []


def filled(*boxes, colour=b"0.2 0.4 0.8 rg "):
    """Operators that fill boxes given by left, bottom, width and height in points."""
    return colour + b" ".join(b"%d %d %d %d re f" % box for box in boxes) + b" "


def lines(*ends):
    return b"0 0 0 RG " + b" ".join(b"%d %d m %d %d l S" % end for end in ends) + b" "


def text(*places):
    shown = b" ".join(b"1 0 0 1 %d %d Tm (1,234 EUR) Tj" % place for place in places)
    return b"BT /F 11 Tf 0 g " + shown + b" ET "


AXES = lines((100, 400, 400, 400), (100, 400, 100, 600))
BARS = [(120, 400, 40, 90), (180, 400, 40, 150), (240, 400, 40, 60), (300, 400, 40, 180)]
LYING = [(100, 410, 250, 25), (100, 450, 180, 25), (100, 490, 90, 25), (100, 530, 140, 25)]
STACKED = [(left, bottom + height, width, 15) for left, bottom, width, height in BARS]


@pytest.mark.parametrize("bars", [BARS, LYING, [*BARS, *STACKED]])
def test_bars_on_an_axis_are_a_figure(tmp_path, bars):
    (chart,) = found_in(tmp_path / "bars.pdf", filled(*bars) + AXES)
    facts = PdfFile(tmp_path / "bars.pdf").facts(1)
    width, height = facts.width_points, facts.height_points
    assert (chart.left * width, chart.right * width) == (pytest.approx(100, abs=2), pytest.approx(400, abs=2))
    assert (1 - chart.top) * height == pytest.approx(600, abs=2)


BANDS = filled(*((60, 400 + 40 * row, 470, 20) for row in range(6))) + lines((60, 400, 60, 640), (60, 400, 530, 400))
HEADING = filled((60, 500, 100, 60), *((160 + 100 * column, 500, 100, 30) for column in range(4))) + lines((60, 500, 560, 500))
PROGRESS = filled(*((200, 400 + 40 * row, 60 + 45 * row, 12) for row in range(5)))
FIELDS = filled(*((200, 400 + 40 * row, 120 + 50 * row, 24) for row in range(5))) + lines((200, 390, 200, 610))
FORM = FIELDS + lines(*((60, 392 + 40 * row, 530, 392 + 40 * row) for row in range(7)))
CELLS = FIELDS + lines((200, 390, 530, 390), (300, 390, 300, 610)) + text(*((204, 406 + 40 * row) for row in range(5)))
HEAT = filled(*((100 + 30 * column, 400 + 30 * row, 28, 28) for row in range(7) for column in range(10))) + AXES


@pytest.mark.parametrize(
    "operators", [BANDS, HEADING, PROGRESS, FIELDS, FORM, CELLS, HEAT, filled(*BARS[:2]) + AXES, filled(*BARS)]
)
def test_shaded_rows_headings_cells_progress_fields_and_bars_without_an_axis_are_no_figures(tmp_path, operators):
    assert found_in(tmp_path / "none.pdf", operators) == []


def test_a_figure_stands_before_its_caption_or_after_what_is_above_it():
    above, below = block("paragraph", 0.1, 0.1, 0.9, 0.2), block("paragraph", 0.1, 0.7, 0.9, 0.8)
    caption = block("caption", 0.2, 0.62, 0.8, 0.64)
    figure = box(0.2, 0.3, 0.8, 0.6)
    assert [one.kind for one in insert_figures([above, caption, below], [figure])] == [
        "paragraph",
        "figure",
        "caption",
        "paragraph",
    ]
    assert [one.kind for one in insert_figures([above, below], [figure])] == ["paragraph", "figure", "paragraph"]
    assert [one.kind for one in insert_figures([], [figure])] == ["figure"]


def test_a_figure_of_one_column_does_not_go_to_the_other():
    left, right = block("paragraph", 0.1, 0.1, 0.45, 0.9, text="left"), block("paragraph", 0.55, 0.1, 0.9, 0.5, text="right")
    found = insert_figures([left, right], [box(0.55, 0.6, 0.9, 0.9)])
    assert [one.kind for one in found] == ["paragraph", "paragraph", "figure"]


def test_figures_that_go_to_one_place_keep_their_order():
    above = block("paragraph", 0.1, 0.1, 0.9, 0.2)
    boxes = [box(0.1, 0.3, 0.4, 0.5), box(0.5, 0.3, 0.8, 0.5), box(0.1, 0.6, 0.4, 0.8)]
    assert [one.box for one in insert_figures([above], boxes)[1:]] == boxes


def test_a_picture_that_text_stands_on_is_no_figure():
    text = block("paragraph", 0.2, 0.3, 0.8, 0.6, text="x" * 300)
    assert insert_figures([text], [box(0.1, 0.2, 0.9, 0.7)]) == [text]


def test_a_picture_that_a_table_stands_on_is_no_figure():
    cells = [Cell(row=row, column=0, text="x" * 30) for row in range(10)]
    table = Block(kind="table", box=box(0.2, 0.3, 0.8, 0.6), table=Table(rows=10, columns=1, cells=cells))
    assert insert_figures([table], [box(0.1, 0.2, 0.9, 0.7)]) == [table]


CHART = box(0.3, 0.3, 0.8, 0.6)
TICKS = [
    block("paragraph", 0.3, 0.61, 0.8, 0.63, text="0.1 1 10 100"),
    block("paragraph", 0.25, 0.3, 0.29, 0.32, text="-400"),
]


def test_the_numbers_of_a_charts_axes_and_their_titles_belong_to_it_and_its_caption_does_not():
    title = block("heading", 0.45, 0.64, 0.65, 0.66, text="Current (A)")
    caption = block("caption", 0.3, 0.68, 0.8, 0.7)
    far = block("paragraph", 0.1, 0.75, 0.9, 0.9, text="1 2 3 4")
    labelled = with_labels(CHART, [*TICKS, title, caption, far])
    assert labelled == box(0.25, 0.3, 0.8, 0.66)
    found = insert_figures([*TICKS, title, caption, far], [labelled])
    assert [one.kind for one in found][-3:] == ["figure", "caption", "paragraph"]


def test_a_figure_without_numbers_along_its_edges_has_no_labels():
    below = block("heading", 0.3, 0.61, 0.5, 0.63, text="2 Results")
    assert with_labels(CHART, [below, block("paragraph", 0.25, 0.3, 0.29, 0.32, text="-400")]) == CHART


def test_a_picture_in_a_table_that_is_larger_is_a_figure():
    cells = [Cell(row=0, column=0, text="x" * 300)]
    table = Block(kind="table", box=box(0.1, 0.2, 0.9, 0.8), table=Table(rows=1, columns=1, cells=cells))
    assert [one.kind for one in insert_figures([table], [box(0.4, 0.4, 0.6, 0.6)])] == ["table", "figure"]


def test_words_on_a_figure_do_not_part_it_from_its_caption():
    above, label = block("paragraph", 0.1, 0.1, 0.9, 0.2), block("paragraph", 0.4, 0.5, 0.6, 0.54, text="label")
    caption = block("caption", 0.2, 0.62, 0.8, 0.64)
    found = insert_figures([above, label, caption], [box(0.2, 0.3, 0.8, 0.6)])
    assert [one.kind for one in found] == ["paragraph", "paragraph", "figure", "caption"]


def test_figures_that_a_model_saw_without_a_place_get_the_places_of_as_many_pictures():
    seen = [Block(kind="figure", text="a bird"), Block(kind="paragraph", text="x")]
    assert assign_boxes(seen, [box(0.1, 0.1, 0.5, 0.5)])[0].box == box(0.1, 0.1, 0.5, 0.5)
    assert assign_boxes(seen, [])[0].box is None
    assert assign_boxes(seen, [box(0.1, 0.1, 0.5, 0.5)] * 2)[0].box is None


# --- cutting them out -------------------------------------------------------------------------------------------------


def cut(openers, path, page, facts=None, kind="pdf"):
    kept = {}

    async def keep(name, data):
        kept[name] = data

    async def main():
        async with await openers.open(path, kind) as source:
            return await with_figures(source, page, keep, facts)

    return asyncio.run(main()), kept


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_figure_is_cut_out_as_the_reader_sees_the_page(openers, tmp_path, rotation):
    path = documents.illustrated_pdf(tmp_path / "turned.pdf", rotation=rotation)
    width, height = (842, 595) if rotation in (90, 270) else (595, 842)
    page, kept = cut(openers, path, Page(number=1, width=width, height=height, engine="text_layer"))
    (figure,) = page.blocks
    picture = opened(kept[figure.picture])
    assert all(
        reddish(picture.getpixel((round(picture.width * x), round(picture.height * y)))) for x in (0.1, 0.9) for y in (0.1, 0.9)
    )
    assert min(picture.getpixel((1, 1))) > 200  # the margin


def test_a_figure_of_a_page_that_was_turned_to_be_read_is_upright_too(openers, tmp_path):
    upright = Image.new("RGB", (600, 800), "white")
    upright.paste(RED, (60, 80, 300, 400))
    upright.rotate(90, expand=True).save(tmp_path / "side.png")
    read = Page(number=1, width=300, height=400, rotation=90, engine="deepseek")
    read.blocks = [block("figure", 0.1, 0.1, 0.5, 0.5)]
    page, kept = cut(openers, tmp_path / "side.png", read, kind="image")
    picture = opened(kept[page.blocks[0].picture])
    assert picture.height > picture.width
    assert reddish(picture.getpixel((picture.width // 2, picture.height // 2)))


def test_the_part_of_a_page_that_is_asked_for_keeps_to_the_limits(openers, illustrated):
    async def main():
        async with await openers.open(illustrated, "pdf") as source:
            spec = PageImageSpec(dpi=300, max_long_side=500, encoding="rgb", region=box(0.25, 0.3, 0.6, 0.5))
            return await source.render(1, spec)

    image = asyncio.run(main())
    assert max(image.width_pixels, image.height_pixels) == 500
    assert len(image.data) == image.width_pixels * image.height_pixels * 3
    assert image.width_pixels / image.height_pixels == pytest.approx(0.35 * 595 / (0.2 * 842), rel=0.02)


def test_a_figure_that_cannot_be_drawn_costs_the_page_nothing(openers, tmp_path):
    path = documents.endless_page_pdf(tmp_path / "endless.pdf")
    read = Page(number=2, width=612, height=792, engine="deepseek", blocks=[block("figure", 0.1, 0.1, 0.5, 0.5)])
    with Openers.start(OpenerLimits(memory_mb=512, timeout_seconds=1, max_image_megapixels=10)) as strict:
        page, kept = cut(strict, path, read)
    assert (page, kept) == (read, {})


def test_pages_that_failed_or_hold_no_figure_ask_for_nothing(openers, illustrated):
    for page in (Page(number=1, status="failed"), Page(number=1, engine="deepseek")):
        assert cut(openers, illustrated, page) == (page, {})


def test_facts_tell_the_pictures_of_a_page(openers, illustrated):
    async def main():
        async with await openers.open(illustrated, "pdf") as source:
            return await source.facts(1)

    facts: PageFacts = asyncio.run(main())
    assert [round(edge, 2) for edge in facts.pictures[0].model_dump().values()] == [0.25, 0.29, 0.59, 0.52]
    assert len(facts.pictures) == 1


# --- in the results ---------------------------------------------------------------------------------------------------

HEAD = Document(filename="a.pdf", media_type="application/pdf", page_count=1)
JPEG = b"\xff\xd8 a picture"
FIGURE = Block(kind="figure", text="A <red> field", picture="page-0001-figure-1.jpg")
PAGE = Page(number=1, blocks=[FIGURE, Block(kind="caption", text="Figure 1: Red")], engine="deepseek")
STORED = Figures({"page-0001-figure-1.jpg": JPEG}.get, "my figures")
BASE64 = "data:image/jpeg;base64,/9ggYSBwaWN0dXJl"


def written(name, figures="placeholder", stored=STORED, page=PAGE):
    out = io.BytesIO()
    FORMATS[name].write(HEAD, iter([page]), Options(figures=figures), out, stored)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "figures", "there", "missing"),
    [
        ("markdown", "placeholder", "![A \\<red> field](my%20figures/page-0001-figure-1.jpg)", "base64"),
        ("markdown", "embed", f"]({BASE64})", "my%20figures"),
        ("markdown", "none", "A \\<red> field\n\nFigure 1: Red", "!["),
        ("html", "placeholder", '<img src="my%20figures/page-0001-figure-1.jpg" alt="Figure 1: Red">', "base64"),
        ("html", "embed", f'<img src="{BASE64}" alt="Figure 1: Red"><figcaption>', "my%20figures"),
        ("html", "none", '<p class="caption">Figure 1: Red</p>', "<figure>"),
        ("text", "placeholder", "[figure: A <red> field]", "base64"),
        ("text", "embed", "[figure: A <red> field]", "base64"),
        ("text", "none", "A <red> field\n\nFigure 1: Red", "[figure"),
        ("json", "placeholder", '"picture":"page-0001-figure-1.jpg"', "base64"),
        ("tables", "embed", "[", "picture"),
    ],
)
def test_every_format_shows_figures_as_asked(name, figures, there, missing):
    text = written(name, figures).decode()
    assert there in text
    assert missing not in text


def test_a_picture_too_large_to_embed_is_linked():
    large = Figures({"page-0001-figure-1.jpg": b"\xff\xd8" + bytes(3 << 20)}.get, "f")
    assert b"(f/page-0001-figure-1.jpg)" in written("markdown", "embed", large)


def test_a_figure_without_a_picture_leads_to_its_page():
    assert b"](#page-1)" in written("markdown", stored=Figures())


def test_the_zip_holds_the_pictures_that_its_texts_link():
    archive = zipfile.ZipFile(io.BytesIO(written("zip")))
    assert archive.read("figures/page-0001-figure-1.jpg") == JPEG
    assert b"(figures/page-0001-figure-1.jpg)" in archive.read("document.md")
    assert b'src="figures/page-0001-figure-1.jpg"' in archive.read("document.html")
    assert written("zip") == written("zip")


# --- read in this process, and by a service ---------------------------------------------------------------------------


def test_the_library_writes_pictures_where_it_is_told(illustrated, tmp_path):
    document = parse(illustrated, settings=CPU, figures_to=tmp_path / "pictures")
    names = [one.picture for page in document.pages for one in page.blocks if one.kind == "figure"]
    assert names == ["page-0001-figure-1.jpg", "page-0002-figure-1.jpg"]
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == names
    kinds = [one.kind for one in document.pages[0].blocks]
    assert kinds[kinds.index("figure") + 1] == "caption"


def test_a_photograph_on_a_scan_is_cut_out_with_its_caption_and_keeps_its_words(tmp_path):
    documents.illustrated_scan().save(tmp_path / "scan.png", dpi=(150, 150))
    document = parse(tmp_path / "scan.png", settings=CPU, figures_to=tmp_path / "pictures")
    (page,) = document.pages
    (place,) = (number for number, one in enumerate(page.blocks) if one.kind == "figure")
    figure, caption = page.blocks[place], page.blocks[place + 1]
    assert (caption.kind, caption.caption_of, figure.caption) == ("caption", place, place + 1)
    assert "HARBOUR 1954" in " ".join(one.text for one in page.blocks if one.kind != "caption")
    picture = opened((tmp_path / "pictures" / figure.picture).read_bytes())
    assert (picture.width, picture.height) == (pytest.approx(640, abs=30), pytest.approx(440, abs=30))


def test_figures_of_a_scan_are_left_out_where_none_are_wanted(tmp_path):
    documents.illustrated_scan().save(tmp_path / "scan.png", dpi=(150, 150))
    document = parse(tmp_path / "scan.png", settings=CPU, figures_to=tmp_path / "pictures", figures="none")
    assert all(one.picture is None for page in document.pages for one in page.blocks)
    assert not (tmp_path / "pictures").exists()


def test_the_library_cuts_nothing_out_unless_told(illustrated):
    document = parse(illustrated, settings=CPU)
    assert [one.picture for page in document.pages for one in page.blocks if one.kind == "figure"] == [None, None]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with Service(tmp_path_factory.mktemp("service")) as service:
        yield service


def test_a_single_page_links_its_captions_as_the_document_does(service, illustrated):
    job = service.submit(illustrated, output_format="json")
    service.ended(job)
    pages = service.result(job)["document"]["pages"]
    single = [service.client.get(f"/v1/jobs/{job}/pages/{page['number']}").json()["page"] for page in pages]
    links = [[(block.get("caption"), block.get("caption_of")) for block in page["blocks"]] for page in single]
    assert links == [[(block.get("caption"), block.get("caption_of")) for block in page["blocks"]] for page in pages]
    named = [(one["kind"], one["caption_of"]) for page in single for one in page["blocks"] if "caption_of" in one]
    assert named
    assert {kind for kind, _ in named} == {"caption"}


def test_a_jobs_figures_are_served_linked_zipped_and_deleted_with_it(service, illustrated):
    job = service.submit(illustrated)
    assert service.ended(job)["status"] == "completed"
    (link, _) = re.findall(r"!\[\]\((figures/[^)]+)\)", service.result(job)["markdown"])
    answer = service.client.get(f"/v1/jobs/{job}/{link}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
    assert reddish(opened(answer.content).getpixel((100, 100)))
    with Client(f"http://127.0.0.1:{service.port}") as client:
        assert client.figure(job, link.removeprefix("figures/")) == answer.content
    archive = zipfile.ZipFile(io.BytesIO(service.client.get(f"/v1/jobs/{job}/download", params={"format": "zip"}).content))
    assert archive.read(link) == answer.content
    service.client.delete(f"/v1/jobs/{job}")
    assert service.client.get(f"/v1/jobs/{job}/{link}").status_code in (404, 410)
    assert not (service.data_dir / "jobs" / job).exists()


def test_no_other_file_of_a_job_can_be_had_as_a_figure(service, illustrated):
    job = service.submit(illustrated, figures="none")
    service.ended(job)
    assert "![" not in service.result(job)["markdown"]
    missing = service.client.get(f"/v1/jobs/{job}/figures/page-0001-figure-1.jpg")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "FIGURE_NOT_FOUND")
    for name in ("..%2Fsource", "job.json", "..%2f..%2fsource"):
        assert service.client.get(f"/v1/jobs/{job}/figures/{name}").status_code in (404, 422)


def test_embedded_figures_need_no_other_file(service, illustrated):
    job = service.submit(illustrated, figures="embed", output_format="html")
    service.ended(job)
    html = service.result(job)["html"]
    assert html.count('src="data:image/jpeg;base64,/9j/') == 2
    assert html.count("<figcaption>Figure") == 2


class UndrawablePages:
    """A document whose pages cost their opener the life when they are rendered."""

    def __init__(self, source):
        self._source = source

    def __getattr__(self, name):
        return getattr(self._source, name)

    async def render(self, number, _spec, _turn=0):
        raise PageCrashed(page=number, reason="timeout")


@pytest.mark.parametrize("name", ["11-picture-with-text.pdf", "06-false-digits.pdf"])
def test_a_page_that_has_been_read_stays_if_it_cannot_be_rendered(name):
    async def read():
        with Openers.start(OpenerLimits()) as openers:
            async with await openers.open(FILES / name, "pdf") as source, contextlib.aclosing(Engines(CPU)) as engines:
                return await read_page(UndrawablePages(source), 1, Options(), engines)

    page = asyncio.run(read())
    assert (page.status, page.engine) == ("done", "text_layer")
    assert page.blocks
    assert [warning.code for warning in page.warnings] == (["low_coverage"] if name.startswith("11") else [])


def test_the_description_of_an_image_stays_beside_the_writing_in_it():
    assert join_description("Our logo.", "ACME 2024") == "Our logo.\nACME 2024"
    assert join_description("Acme 2024", "ACME\n2024 Ltd") == "ACME\n2024 Ltd"
    assert join_description("", "ACME") == "ACME"
