"""The samples are what their script makes, and what the demo says of them is true."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys

import pypdfium2
import pytest

from document_parser.api.routes.ui import SAMPLES as SAMPLE_NAMES
from tests.support.service import ROOT

SAMPLES = ROOT / "samples"


@pytest.fixture(scope="module")
def demo():
    """The demo as a module; it is a script, not part of the package."""
    spec = importlib.util.spec_from_file_location("demo", SAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["demo"] = module
    spec.loader.exec_module(module)
    return module


def texts(path):
    with pypdfium2.PdfDocument(path) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The samples, made anew."""
    folder = tmp_path_factory.mktemp("samples")
    subprocess.run([sys.executable, SAMPLES / "make_samples.py", folder], check=True, timeout=120)
    return folder


def test_the_script_makes_the_paper_that_is_kept(made):
    assert texts(made / "paper.pdf") == texts(SAMPLES / "paper.pdf")


@pytest.mark.parametrize("folder", ["made", "kept"])
def test_the_scan_is_two_pictures_without_text(made, folder):
    path = (made if folder == "made" else SAMPLES) / "scan.pdf"
    assert texts(path) == ["", ""]
    assert path.stat().st_size < 1_000_000
    with pypdfium2.PdfDocument(path) as pdf:
        for page in pdf:
            assert [item.type for item in page.get_objects()] == [pypdfium2.raw.FPDF_PAGEOBJ_IMAGE]


def places(page, phrase):
    """Left, bottom, right and top of the first line of a phrase, in points."""
    textpage = page.get_textpage()
    found = textpage.search(phrase).get_next()
    assert found is not None, phrase
    return textpage.get_charbox(found[0])


def test_the_paper_breaks_where_the_demo_says():
    with pypdfium2.PdfDocument(SAMPLES / "paper.pdf") as pdf:
        assert len(pdf) == 2
        first, second = pdf[0], pdf[1]
        middle = first.get_width() / 2
        ending, beginning = places(first, "quarter turn"), places(first, "Counts took place")
        assert ending[2] < middle < beginning[0]
        assert ending[3] < 0.2 * first.get_height()
        assert beginning[1] > 0.7 * first.get_height()
        assert places(first, "rule about")[0] > middle
        assert places(second, "differences had been applied")[1] > 0.8 * second.get_height()


GOOD_ROW = "| Traction rope | 1 | 842.00 | 842.00 |"


def test_a_check_of_the_demo_forgives_what_ocr_does(demo):
    assert demo.says("Payment is due within thirty days").holds("Paymentis due withln THIRTY days.")
    assert demo.has_row("Traction rope", "842.00").holds(GOOD_ROW)
    assert demo.has_row("Traction rope", "842.00").holds("<table><tr><td>Tractionrope</td><td>842.00</td></tr></table>")


def test_a_check_of_the_demo_can_fail(demo):
    assert not demo.says("Payment is due within thirty days").holds("Payment was made in advance by the tenant.")
    assert not demo.says("Payment is due within thirty days").holds("")
    assert not demo.has_row("Traction rope", "842.00").holds("Traction rope 842.00")
    assert not demo.has_row("Traction rope", "842.00").holds(GOOD_ROW.replace("842", "841"))
    table = demo.has_table("Item | Price", "Gear oil | 23.10")
    assert table.holds("Text\n\n| Item | Price |\n| --- | --- |\n| Gear oil | 23.10 |\n")
    assert not table.holds("Text\n\n| ltem | Price |\n| --- | --- |\n| Gear oil | 23.10 |\n")
    assert demo.has_formula("a=b").holds("so\n\n$$\na=b\n$$\n")
    assert not demo.has_formula("a=b").holds("so a=b")
    order = demo.in_order("a before b", "the end of the first", "the start of the second")
    assert order.holds("the end of the first the start of the second")
    assert not order.holds("the start of the second the end of the first")


def test_a_wrong_reading_of_a_sample_fails_the_demo(demo, capsys):
    columns_mixed = " ".join(reversed(texts(SAMPLES / "paper.pdf")[0].splitlines()))
    assert not demo.report("paper", columns_mixed)
    assert "✗ paper.pdf reads column one to its end before column two begins" in capsys.readouterr().out


def test_the_paper_has_the_table_and_the_formula_that_the_page_says_it_has(demo, tmp_path):
    assert "tables and formulas" in SAMPLE_NAMES["paper.pdf"]
    done = subprocess.run(
        [sys.executable, "-m", "document_parser", "parse", SAMPLES / "paper.pdf", "--quiet"],
        env=os.environ | {"INFERENCE_MODE": "cpu", "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert demo.report("paper", done.stdout)


def test_the_demo_ends_by_telling_what_to_do_next(demo):
    for said in ("make run", "http://127.0.0.1:1233", "docparse parse", "docs/api.md"):
        assert said in demo.NEXT


def test_the_demo_hides_the_callers_settings_from_the_service(demo, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("STORAGE_URL", "s3://elsewhere")
    environment = demo.environment(1234)
    assert not {"REDIS_URL", "STORAGE_URL"} & set(environment)
    assert environment["API_PORT"] == "1234"
