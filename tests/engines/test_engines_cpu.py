"""The CPU engines on pages drawn here."""

from __future__ import annotations

import asyncio
import io
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from document_parser.engines.base import DetectsTurn, ReadsLines
from document_parser.engines.rapidocr import confusables, networks, openvino
from document_parser.engines.rapidocr import ocr as ppocr
from document_parser.engines.rapidocr.confidence import MIN_LINE_CONFIDENCE, lower_confidence, unread_share_of
from document_parser.engines.rapidocr.engine import RapidOcrEngine
from document_parser.engines.rapidocr.head import letters_of, steps_of
from document_parser.engines.rapidocr.lines import Line, direction_of_line
from document_parser.engines.rapidocr.lost_letters import count_lost_letters
from document_parser.engines.registry import Engines
from document_parser.engines.tesseract.choice import LineChoice, choose_for_page, read_in_best_languages, with_english_words
from document_parser.engines.tesseract.engine import TesseractEngine, is_unknown
from document_parser.engines.tesseract.packs import Packs, find_packs
from document_parser.engines.tesseract.pieces import cut_lines
from document_parser.engines.tesseract.script_letters import confidence_in, is_in_script
from document_parser.engines.tesseract.script_pairs import find_pair
from document_parser.errors import EngineRefused, EngineTimeout
from document_parser.models import PageImage, Word
from document_parser.models.skew import Skew
from document_parser.settings import EngineSettings, OcrRuntime, Settings, WorkerSettings, environment_of_child
from tests.support.cyrillic import CYRILLIC, needs_cyrillic_font, page_of_lines

LINES = (
    "The quarterly report of the harbour",
    "lists every vessel that entered port.",
    "Copper, timber and winter wheat made",
    "up most of the cargo, as before.",
)


def page(*lines: str, size: int = 20) -> Image.Image:
    image = Image.new("RGB", (560, 480), "white")
    pen = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        pen.text((50, 60 + 32 * number), line, fill="black", font=ImageFont.load_default(size))
    return image


def raw(image: Image.Image) -> PageImage:
    return PageImage(1, *image.size, "rgb", image.tobytes())


def jpeg(image: Image.Image) -> PageImage:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90)
    return PageImage(1, *image.size, "jpeg", file.getvalue())


def cyrillic_page() -> Image.Image:
    return page_of_lines(CYRILLIC * 3, (900, 700), "RGB", left=60, top=60, pitch=60)


def has_packs(*names: str) -> bool:
    return set(names) <= set(find_packs(Settings()).folders)


def run(test: Callable[[RapidOcrEngine], Awaitable[None]], runtime: OcrRuntime = "auto") -> None:
    async def main() -> None:
        engines = EngineSettings(cpu_ocr_runtime=runtime)
        engine = RapidOcrEngine(Settings(workers=WorkerSettings(cpu_concurrency=2), engines=engines))
        try:
            await test(engine)
        finally:
            await engine.aclose()

    asyncio.run(main())


@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_rapidocr_finds_lines_with_spaces_places_and_confidence(runtime):
    async def test(engine):
        reading = await engine.read(raw(page(*LINES)))
        assert [word.text for word in reading.words] == list(LINES)
        first, second = reading.words[:2]
        assert 0.05 < first.left < 0.12
        assert 0.6 < first.right < 0.95
        assert first.bottom <= second.top + 0.02
        assert 0.9 < first.confidence <= 1
        assert reading.engine == "rapidocr"

    run(test, runtime)


def test_a_line_up_the_page_and_one_upside_down_are_read_from_where_they_begin():
    image = page(*LINES)
    for text, degrees, place in (("RECEIVED 24 MAR 1996", 180, (60, 300)), ("Registration Unit", 90, (500, 40))):
        strip = page_of_lines([text], (420, 60), "RGB", left=10, top=10, pitch=50)
        image.paste(strip.rotate(degrees, expand=True), place)

    async def test(engine):
        reading = await engine.read(raw(image))
        found = {word.text: word.direction for word in reading.words}
        assert found.pop("RECEIVED 24 MAR 1996") == 180
        assert found.pop("Registration Unit") == 270
        assert found == dict.fromkeys(LINES, 0)

    run(test)


def test_openvino_is_imported_without_telling_anybody(tmp_path):
    """By itself it writes an identifier to the home folder, starts a thread and looks for a statistics server."""
    program = (
        "import os\n"
        "from document_parser.engines.rapidocr import openvino\n"
        "assert openvino.is_installed()\n"
        "print(len(os.listdir('/proc/self/task')), os.listdir(os.environ['HOME']))"
    )
    environment = environment_of_child(HOME=str(tmp_path), OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "1 []"


def test_onnx_runtime_is_loaded_without_telling_anybody(tmp_path):
    """By itself it keeps an identifier of the machine under the home folder and reports to its maker."""
    program = (
        "import os\n"
        "from document_parser.engines.rapidocr import networks\n"
        "networks.load_detection('onnxruntime', 1)\n"
        "print(os.listdir(os.environ['HOME']))"
    )
    environment = environment_of_child(HOME=str(tmp_path))
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_model_of_the_wheel_is_the_one_whose_ranges_are_known():
    """Another one would be read too, in floating point and slower."""
    assert len(openvino.ranges_of(networks.model_path_of(networks.RECOGNITION))) > 40
    assert openvino.ranges_of(networks.model_path_of(networks.DETECTION)) == {}


def test_lines_of_one_batch_are_alike_in_length():
    lines = [np.full((20, width, 3), 255, dtype=np.uint8) for width in (900, 40, 60, 300, 310, 320)]
    widths = [ppocr.batch_of([line]).shape[3] for line in lines]
    assert min(widths) == ppocr.MIN_WIDTH_PIXELS
    batches = list(ppocr.split_batches(widths))
    assert sorted(number for batch in batches for number in batch) == list(range(6))
    assert [1, 2] in batches
    assert [0] in batches


def exchanged(text: str, **likely: float) -> str:
    """The text with what is meant in it; the same probability of a sign at every place, 0 for signs not given."""
    signs = list(text)
    for place, meant in confusables.find_replacements(text, lambda place, sign: likely.get(sign, 0.0)):
        signs[place] = meant
    return "".join(signs)


def test_a_digit_among_letters_gives_way_to_the_letter_it_looks_like():
    assert exchanged("HQ: 7,J1n SS21/34", l=0.03) == "HQ: 7,Jln SS21/34"
    assert exchanged("Grand Tota1 RM51.30", l=0.3) == "Grand Total RM51.30"
    assert exchanged("GREEN L0DGE", O=0.4, o=0.01) == "GREEN LODGE"


def test_a_letter_among_digits_gives_way_to_the_digit_it_looks_like():
    assert exchanged("NO 29O, AIR PANAS", **{"0": 0.49}) == "NO 290, AIR PANAS"


@pytest.mark.parametrize("text", ["No1, Lebuh", "TRAIN2", "Lot S319,", "M1B 5K0", "2nd 8th", "h2o"])
def test_what_the_recognition_hardly_doubts_stays_as_it_is(text):
    assert exchanged(text, **dict.fromkeys("lIZSBOo0125", 0.1), **{"8": 0.1}) == text


@pytest.mark.parametrize("text", ["A0O3H", "W134c0", "5/B", "B2", "12.50", "第1章", "Bi11", "Total"])
def test_codes_short_words_numbers_and_other_scripts_are_not_touched(text):
    assert exchanged(text, **dict.fromkeys("lIZSBOo01258", 0.49)) == text


def test_the_letter_that_is_meant_counts_with_its_own_probability():
    ocr = ppocr.PpOcr("auto", 1)
    letters = letters_of(ocr._recognise.characters)
    answer = np.zeros((6, len(letters)), dtype=np.float32)
    for step, sign in enumerate(("J", "", "1", "1", "n", "")):
        answer[step, letters.index(sign)] = 0.96
    answer[2:4, letters.index("l")] = 0.04
    read = ocr._decode(steps_of(answer), np.ones((48, 48), dtype=np.float32))
    assert read.text == "Jln"
    assert read.confidence == pytest.approx((0.96 + 0.04 + 0.96) / 3, abs=0.001)


def test_a_long_thin_picture_is_read_as_a_line_and_stays_small():
    async def test(engine):
        strip = page(LINES[0]).crop((40, 55, 460, 90))
        assert [word.text for word in (await engine.read(raw(strip))).words] == [LINES[0]]
        tower = strip.rotate(90, expand=True)
        assert len((await engine.read(raw(tower))).words) <= 1

    run(test)


def test_a_line_read_from_a_picture_says_where_it_runs_to():
    async def test(engine):
        image = page(*LINES)
        image.paste(page("Archive copy").rotate(-90, expand=True).crop((380, 40, 425, 300)), (10, 180))
        found = {word.text: word.direction for word in (await engine.read(raw(image))).words}
        assert found == {**dict.fromkeys(LINES, 0), "Archive copy": 90}
        slanted = Image.new("RGB", (560, 480), "white")
        slanted.paste(page(LINES[0]).rotate(-30, fillcolor="white"))
        lines, _ = engine._find_lines_until(np.asarray(slanted)[:, :, ::-1], lambda: False)
        assert [direction_of_line(line) for line in lines] == [pytest.approx(30, abs=4)]

    run(test)


def test_rapidocr_takes_jpeg_and_reads_pages_side_by_side():
    async def test(engine):
        pages = [jpeg(page(line)) for line in LINES[:3]]
        readings = await asyncio.gather(*(engine.read(picture) for picture in pages))
        assert [reading.words[0].text for reading in readings] == list(LINES[:3])

    run(test)


def test_rapidocr_finds_nothing_on_an_empty_page():
    async def test(engine):
        assert (await engine.read(raw(page()))).words == []
        assert await engine.detect_turn(raw(page())) == (0, False)

    run(test)


@pytest.mark.parametrize("picture", [PageImage(1, 10, 10, "rgb", b"short"), PageImage(1, 10, 10, "jpeg", b"\xff\xd8no")])
def test_a_broken_picture_is_refused(picture):
    async def test(engine):
        with pytest.raises(EngineRefused):
            await engine.read(picture)

    run(test)


def test_a_page_on_its_side_or_head_is_told_how_to_turn():
    async def test(engine):
        upright = page(*LINES)
        for turned in (0, 90, 180, 270):
            lying = upright.rotate(-turned, expand=True)  # PIL turns against the clock
            assert await engine.detect_turn(jpeg(lying)) == ((360 - turned) % 360, True)

    run(test)


def test_a_margin_note_on_its_side_does_not_turn_the_page():
    async def test(engine):
        image = page(*LINES)
        image.paste(page("Draft, turned").rotate(90, expand=True).crop((60, 200, 92, 240)), (10, 60))
        assert await engine.detect_turn(raw(image)) == (0, True)

    run(test)


def test_the_holder_of_engines_tells_the_turn():
    async def main() -> None:
        engines = Engines(Settings())
        assert await engines.detect_turn(raw(page(*LINES).rotate(90, expand=True))) == 90
        await engines.aclose()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "detects_turns", "reads_lines"),
    [("rapidocr", True, False), ("tesseract", True, True), ("deepseek", False, False), ("nanonets", False, False)],
)
def test_what_an_engine_can_do_beside_reading_is_told_by_its_methods(name, detects_turns, reads_lines):
    async def main() -> None:
        engines = Engines(Settings())
        engine = engines.get(name)
        assert (isinstance(engine, DetectsTurn), isinstance(engine, ReadsLines)) == (detects_turns, reads_lines)
        await engines.aclose()

    asyncio.run(main())


@pytest.mark.skipif(not has_packs("osd"), reason="Tesseract or its pack for scripts is not installed")
@needs_cyrillic_font
def test_where_the_first_engine_is_not_sure_of_the_turn_the_next_one_decides_if_it_is_sure():
    async def main() -> None:
        engines = Engines(Settings())
        lying = raw(cyrillic_page().rotate(90, expand=True))
        assert not (await engines.get("rapidocr").detect_turn(lying)).sure
        assert await engines.get("tesseract").detect_turn(lying) == (90, True)
        assert await engines.detect_turn(lying) == 90
        assert await engines.get("tesseract").detect_turn(raw(page())) == (0, False)
        assert await engines.detect_turn(raw(page())) == 0
        await engines.aclose()

    asyncio.run(main())


@pytest.mark.skipif(not has_packs("osd", "hin"), reason="Tesseract or its packs for scripts and Hindi are not installed")
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_page_in_letters_that_rapidocr_does_not_know_is_turned_as_tesseract_says(corpus: Path, turned):
    with Image.open(corpus / "scanned/devatest.png") as image:
        lying = image.convert("RGB").rotate(-turned, expand=True)

    async def main() -> None:
        engines = Engines(Settings())
        assert await engines.detect_turn(raw(lying)) == (360 - turned) % 360
        await engines.aclose()

    asyncio.run(main())


def test_a_cancelled_reading_leaves_the_engine_usable():
    async def test(engine):
        reading = asyncio.create_task(engine.read(raw(page(LINES[0]))))
        await asyncio.sleep(0.01)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert (await engine.read(raw(page(LINES[1])))).words[0].text == LINES[1]

    run(test)


needs_tesseract = pytest.mark.skipif(not has_packs("eng"), reason="Tesseract's pack for English is not installed")
PROGRAM = shutil.which("tesseract")


def with_tesseract(test: Callable[[TesseractEngine], Awaitable[None]], program: str = "tesseract", **workers: float) -> None:
    async def main() -> None:
        engines = EngineSettings(tesseract_program=program)
        engine = TesseractEngine(Settings(workers=WorkerSettings(**workers), engines=engines))
        try:
            await test(engine)
        finally:
            await engine.aclose()

    asyncio.run(main())


@needs_tesseract
def test_tesseract_finds_words_with_places_and_confidence():
    async def test(engine):
        assert await engine.is_available()
        reading = await engine.read(raw(page(*LINES).resize((1120, 960))))
        assert [word.text for word in reading.words] == " ".join(LINES).split()
        assert 0.05 < reading.words[0].left < 0.12
        assert all(0.5 < word.confidence <= 1 for word in reading.words)

    with_tesseract(test)


@needs_tesseract
def test_tesseract_that_takes_too_long_is_a_timeout():
    async def test(engine):
        with pytest.raises(EngineTimeout):
            await engine.read(raw(page(*LINES)))

    with_tesseract(test, page_timeout_seconds=0.001)


@pytest.mark.parametrize(("program", "there"), [("tesseract", {"tesseract"}), ("no-such-program", set()), ("", set())])
def test_tesseract_is_available_where_its_library_or_the_program_of_the_settings_is(program, there):
    async def main() -> None:
        chosen = EngineSettings(inference_mode="cpu", cpu_engine="tesseract", tesseract_program=program)
        engines = Engines(Settings(engines=chosen))
        assert await engines.find_available() == there
        await engines.aclose()

    asyncio.run(main())


@needs_tesseract
@pytest.mark.skipif(PROGRAM is None, reason="the program tesseract is not installed")
def test_the_program_of_the_settings_reads_like_the_library():
    found = []

    async def test(engine):
        reading = await engine.read(raw(page(*LINES).resize((1120, 960))))
        found.append([word.text for word in reading.words])

    with_tesseract(test)
    with_tesseract(test, program=PROGRAM)
    assert found[0] == found[1] == " ".join(LINES).split()


@needs_tesseract
def test_a_forked_process_reads_with_the_library_as_its_parent_did():
    """Workers fork: an object of the library that the parent used must not stand in the child's way."""
    program = (
        "import os\nfrom pathlib import Path\nfrom PIL import Image\n"
        "from document_parser.engines.tesseract.library import LibraryRecogniser\n"
        "from document_parser.engines.tesseract.packs import find_packs\n"
        "from document_parser.settings import Settings\n"
        "folder, picture = find_packs(Settings()).folder_of('eng'), Image.new('L', (200, 60), 255)\n"
        "LibraryRecogniser(9).read_page(picture, 'eng', folder, 150)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os._exit(7 if LibraryRecogniser(9).read_page(picture, 'eng', folder, 150) == [] else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    command = [sys.executable, "-W", "error", "-c", program]
    told = subprocess.run(command, env=environment_of_child(), capture_output=True, text=True, check=True)
    assert (told.stdout.strip(), told.stderr) == ("7", "")


def packs_of(*names: str) -> Packs:
    return Packs(dict.fromkeys(names, Path("/nowhere")))


def packs_in(folder, *names):
    for name in names:
        (folder / f"{name}.traineddata").touch()
    return Packs(dict.fromkeys(names, folder))


@pytest.mark.parametrize(
    ("installed", "script", "best", "expected"),
    [
        ({"eng"}, "", "eng", "eng"),
        ({"eng", "rus", "srp"}, "Cyrillic", "srp", "srp"),
        ({"eng", "rus", "srp"}, "", "srp", "srp"),
        ({"eng", "tam", "hin"}, "Thai", "tam", "tam"),
        ({"custom"}, "", "", "custom"),
    ],
)
def test_the_language_packs_are_those_that_read_most(installed, script, best, expected):
    """Of each script the first pack is tried, then the languages of the best script, alone and with English."""

    def letters(languages):
        return 9.0 if languages == best else 5.0 if languages == "rus" and "srp" in best else 1.0

    assert choose_for_page(packs_of(*installed), script, letters) == expected


def word_of(confidence, text="word"):
    return [Word(text, 0.0, 0.0, 1.0, 1.0, confidence=confidence)]


def reader_of(known):
    """Read pieces that are as wide as the number of their language, surely with its pack and badly with the others."""

    texts = {"eng": "words here", "rus": "слово здесь", "ell": "λέξεις εδώ", "kor": "단어는 여기에요"}

    def read(pieces, languages):
        sure = [0.93 if known[piece.width] == languages else 0.5 for piece in pieces]
        return [word_of(one, texts[languages.partition("+")[0]]) for one in sure]

    return read


def test_each_line_of_a_page_of_two_scripts_is_read_with_the_packs_that_know_its_letters():
    known = {40: "rus", 30: "rus", 20: "kor", 10: "none"}
    pieces = [Image.new("L", (width, 10)) for width in (20, 40, 10, 30)]
    found = read_in_best_languages(pieces, packs_of("eng", "rus", "ell", "kor"), reader_of(known))
    assert [one.languages for one in found] == ["kor", "rus", "", "rus"]
    assert found[2].words == []


def test_a_single_word_or_an_unsure_line_is_not_taken_for_another_script():
    """Eng reads the Greek word προσκεκλημένοι in some fonts as TIPOOKEKANHEVOL with .9."""
    english = {20: ("TIPOOKEKANHEVOL.", 0.9), 30: ("TI OOKEKANH", 0.7), 10: ("the annual report", 0.93), 40: ("", 0.0)}

    def read(pieces, languages):
        greek = {20: 0.4, 30: 0.4, 10: 0.2, 40: 0.95}
        return [
            word_of(greek[piece.width], "λέξεις εδώ") if languages == "ell" else word_of(*reversed(english[piece.width]))
            for piece in pieces
        ]

    pieces = [Image.new("L", (width, 10)) for width in english]
    found = read_in_best_languages(pieces, packs_of("eng", "ell"), read)
    assert dict(zip(english, (one.languages for one in found), strict=True)) == {20: "", 30: "", 10: "eng", 40: "ell"}


def test_a_language_that_its_scripts_first_pack_reads_badly_is_read_with_its_own():
    """Russian reads Ukrainian in some fonts with .62; packs of other scripts write figures for the letters, with more."""
    texts = {"rus": ("слово здесь", 0.62), "ukr": ("слово тут є", 0.96), "tha": ("4ภ1ธ1ห8ล6ีห7ท", 0.73), "eng": ("words", 0.4)}

    def read(pieces, languages):
        text, confidence = texts[languages.partition("+")[0]]
        return [word_of(confidence, text) for _ in pieces]

    pieces = [Image.new("L", (width, 10)) for width in (20, 30)]
    found = read_in_best_languages(pieces, packs_of("eng", "rus", "ukr", "tha"), read)
    assert [one.languages for one in found] == ["ukr", "ukr"]


@pytest.mark.parametrize(("confidence", "languages"), [(0.86, ""), (0.92, "tha")])
def test_thai_is_believed_only_with_the_confidence_that_it_has_in_thai(confidence, languages):
    """It reads English that stands on its head, and much else, as Thai with up to .9."""
    texts = {"tha": ("ห้องสมุดเปิดทุกวัน", confidence), "eng": ("words", 0.4)}

    def read(pieces, languages):
        text, sure = texts[languages.partition("+")[0]]
        return [word_of(sure, text) for _ in pieces]

    found = read_in_best_languages([Image.new("L", (20, 10))], packs_of("eng", "tha"), read)
    assert [one.languages for one in found] == [languages]


def test_a_language_is_told_from_its_kin_by_more_than_two_lines():
    """In print of poor quality Belarusian reads one Russian line of four with more confidence than Russian."""
    sure = {"rus": (0.75, 0.76, 0.9, 0.9, 0.9), "bel": (0.8, 0.81, 0.7, 0.7, 0.7), "eng": (0.2,) * 5}

    def read(pieces, languages):
        name = languages.partition("+")[0]
        text = "words here" if name == "eng" else "слово здесь"
        return [word_of(sure[name][50 - piece.width], text) for piece in pieces]

    pieces = [Image.new("L", (width, 10)) for width in range(50, 45, -1)]
    found = read_in_best_languages(pieces, packs_of("eng", "rus", "bel"), read)
    assert [one.languages for one in found] == ["rus"] * 5


def test_latin_words_among_others_are_those_that_english_reads_surely(tmp_path):
    """Russian reads partman as its own letters, without being sure; English reads poor Russian words as Latin at times."""

    def line_of(*words):
        return [Word(text, left, 0, left + 0.1, 1, confidence=sure) for text, left, sure in words]

    own = line_of(("меню", 0.1, 0.97), ("рагтап", 0.2, 0.3), ("не", 0.3, 0.89), ("будуг", 0.4, 0.6))
    other = line_of(("MeHIO", 0.1, 0.98), ("partman", 0.2, 0.9), ("He", 0.3, 0.93), ("будут", 0.4, 0.9))
    found = with_english_words(
        [LineChoice(own, "rus"), LineChoice(own, "eng")],
        [Image.new("L", (9, 9))] * 2,
        packs_in(tmp_path, "rus", "eng"),
        lambda *_: [other],
    )
    assert [word.text for word in found[0].words] == ["меню", "partman", "не", "будуг"]
    assert [one.languages for one in found] == ["rus+eng", "eng"]


def test_the_paper_of_a_cut_line_is_as_white_as_its_margin():
    picture = Image.new("L", (400, 100), 180)
    picture.paste(60, (150, 40, 170, 60))
    [piece] = cut_lines(picture, [Word("a line", 0.1, 0.3, 0.9, 0.7)], Skew())
    assert piece.getpixel((2, 2)) == piece.getpixel((40, 30)) == 255
    assert piece.getextrema()[0] < 10


def test_packs_of_one_script_beside_another_are_compared_on_more_lines(tmp_path):
    """Modern Greek reads two lines of a commentary on Ancient Greek better, and Ancient Greek the others."""
    sure = {"frk": (0.6, 0.6), "ell": (0.6, 0.6), "grc": (0.6, 0.6), "frk+ell": (0.9, 0.7), "frk+grc": (0.89, 0.9)}

    def reader(place):
        def read(languages):
            greek = "Ρπππποι" if languages in {"ell", "grc"} else "Randbemerkung"
            return [
                [
                    Word(greek, 0, 0, 0.5, 1, confidence=0.95),
                    Word(greek, 0.5, 0, 1, 1, confidence=sure[languages][place] * 2 - 0.95),
                ]
            ]

        return read

    scripts = {"Fraktur": ["frk"], "Greek": ["ell", "grc"]}
    assert find_pair(scripts, packs_in(tmp_path, "frk", "ell", "grc"), reader(0), reader(1)) == "frk+grc"


def test_lines_in_two_scripts_are_read_with_the_packs_of_both(tmp_path):
    """A commentary quotes Greek in German: each pack alone reads half of every line."""
    german, greek = ("Randbemerkung", "Ρπππποι"), ("Βαπδδεπ", "φρονεῖν")
    as_read = {"eng": (german, 0.6, 0.5), "frk": (german, 0.95, 0.3), "ell": (greek, 0.3, 0.95)}

    def read(pieces, languages):
        if languages == "frk+ell":
            texts, first, second = (german[0], greek[1]), 0.95, 0.95
        else:
            texts, first, second = as_read.get(languages, (german, 0.4, 0.4))
        return [
            [Word(texts[0], 0, 0, 0.5, 1, confidence=first), Word(texts[1], 0.5, 0, 1, 1, confidence=second)] for _ in pieces
        ]

    pieces = [Image.new("L", (width, 10)) for width in (40, 30, 20)]
    found = read_in_best_languages(pieces, packs_in(tmp_path, "eng", "frk", "ell", "rus"), read)
    assert [one.languages for one in found] == ["frk+ell"] * 3
    assert found[0].words[1].text == "φρονεῖν"


def test_figures_say_nothing_of_a_script():
    assert is_in_script(word_of(0.9, "слово здесь 12"), "Cyrillic")
    assert not is_in_script(word_of(0.9, "12.450"), "Cyrillic")
    assert not is_in_script(word_of(0.9, "words here"), "Cyrillic")
    assert not is_in_script(word_of(0.9, "слово"), "Cyrillic"), "too short"
    assert not is_in_script(word_of(0.9, "4ภ1ธ1ห8ล6ีห7ท"), "Thai"), "figures in place of letters"


@pytest.mark.parametrize(
    ("script", "confidence", "unknown"),
    [("Greek", 0.5, True), ("Greek", 0.9, False), ("Cyrillic", 0.5, False), ("", 0.5, False)],
)
def test_a_whole_page_in_a_detected_script_without_a_pack_is_unknown(script, confidence, unknown):
    assert is_unknown(script, ["eng", "osd", "rus"], word_of(confidence)) == unknown


def test_confidence_in_a_line_counts_what_was_not_read():
    half = [Word("half", 0.0, 0.0, 0.35, 1.0, confidence=0.9)]
    assert confidence_in(half) == pytest.approx(0.45)
    assert confidence_in(word_of(0.9)) == pytest.approx(0.9)
    assert confidence_in([]) == 0


def picture_of(*inked: tuple[int, int]) -> np.ndarray:
    """A line for recognition, white with black between these columns."""
    picture = np.ones((48, 400), dtype=np.float32)
    for left, right in inked:
        picture[10:40, left:right] = -1
    return picture


def test_ink_between_letters_that_are_far_apart_counts_as_letters_left_out():
    steps = np.array([1.0, 3.5, 6.0, 8.5, 21.0, 23.5])
    written = [(4, 18), (24, 38), (44, 58), (64, 78), (164, 178), (184, 198)]
    left_out = [(84, 98), (104, 118), (124, 138), (144, 158)]
    assert count_lost_letters(picture_of(*written), steps, "abcdef") == 0, "an empty gap is a space"
    assert count_lost_letters(picture_of(*written, *left_out), steps, "abcdef") == pytest.approx(3.3, abs=0.8)
    assert count_lost_letters(1 - picture_of(*written, *left_out), steps, "abcdef") == pytest.approx(3.3, abs=0.8)
    assert count_lost_letters(picture_of(*written, *left_out), steps, "口口口口口口") == 0
    assert count_lost_letters(picture_of(), steps, "abcdef") == 0


def test_letters_left_out_lower_the_confidence_of_their_line_and_of_its_like():
    vietnamese = line("Không ai b cưng bc làm nô l", 0.97, 600)._replace(lost_letters=4.0)
    alike = line("đã bao gồm", 0.97, 200)
    english = line("The teachers of the village school wrote to the ministry", 0.99, 600)
    lowered = lower_confidence([vietnamese, alike, english])
    assert [round(one.confidence, 2) for one in lowered] == [0.5, 0.85, 0.99]
    assert lower_confidence([vietnamese])[0].confidence < MIN_LINE_CONFIDENCE
    assert lower_confidence([english, english]) == [english, english]


def test_a_vietnamese_page_is_told_by_its_letters_where_no_gap_shows_that_some_were_left_out():
    page = [line("Ai cũng có quyên đưc sng, t do và an toàn thân th.", 0.97, 600), line("Không ai bi cuõng dưói", 0.95, 400)]
    assert all(one.confidence < MIN_LINE_CONFIDENCE for one in lower_confidence([*page, line("trưng hoc", 0.95, 200)]))
    assert lower_confidence(page[1:]) == page[1:], "one letter may be a misread one"
    without_horns = [line("Hp đồng có hiu lc k tù ngày ký và kéo dài đn ht ngày, đuc", 0.97, 600)]
    assert lower_confidence(without_horns)[0].confidence < MIN_LINE_CONFIDENCE
    croatian = [line("između Đakova i Šibenika događaj se također ponavlja", 0.97, 600)]
    assert lower_confidence(croatian) == croatian


def line(text, confidence, length, height=20):
    corners = np.array([[0, 0], [length, 0], [length, height], [0, height]], dtype=np.float32)
    return Line(text, corners, confidence)


def test_words_that_mix_the_letters_of_two_scripts_lower_the_confidence_of_their_line():
    texts = ("von γàxáρτ’vδvvoν xaxóν ist", "the shift Δx grows with the mass of it", "καὶ τὸ ζῆν καλόν")
    lowered = lower_confidence([Line(text, np.zeros((4, 2), np.float32), 0.95) for text in texts])
    assert lowered[0].confidence < 0.7
    assert [line.confidence for line in lowered[1:]] == [0.95, 0.95]


def test_what_is_found_and_not_read_counts_as_lost_by_its_length():
    sound = line("The committee met on Thursday", 0.98, 300)
    assert unread_share_of([sound]) == 0
    assert unread_share_of([sound, line("", 0, 300)]) == 0.5
    assert unread_share_of([sound, line("RI HO cI", 0.6, 100)]) == 0.25
    assert unread_share_of([sound, line(".", 0.99, 300)]) == 0.5, "one letter in the length of thirty"
    assert unread_share_of([line("7", 0.99, 25)]) == 0
    assert unread_share_of([]) == 0


@pytest.mark.parametrize("data", [None, b"", b"no model", b"half"], ids=["absent", "empty", "text", "cut"])
def test_a_model_file_that_onnx_runtime_cannot_load_is_one_kind_of_error(tmp_path, data):
    model = tmp_path / "model.onnx"
    if data is not None:
        whole = networks.model_path_of(networks.DETECTION).read_bytes()
        model.write_bytes(whole[: len(whole) // 2] if data == b"half" else data)
    with pytest.raises(RuntimeError):
        networks.OnnxNetwork(model)
